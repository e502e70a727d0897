"""Batches for a database without a broker: rows as they come off one partition, in order."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from shared.database.base import Batch, Database, Move, Position, Reader, Written
from shared.database.factory import create_database
from shared.dataset import Bigint, Code, Dataset, Row
from shared.decode import BATCH_FIELDS, Rejected
from shared.errors import InvalidRecord
from shared.record import Message
from shared.settings import Settings

READER = Reader("cluster-1", "loaders")
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


class Measure(Row):
    """A level at a site and day, with a column that makes no version."""

    site: Annotated[Code, Field(description="where")]
    day: Annotated[dt.date, Field(description="when")]
    level: Annotated[float | None, Field(description="how much")]
    label: Annotated[str | None, Field(description="what was said of it")]
    tags: Annotated[list[str] | None, Field(description="what else was said")]
    count: Annotated[Bigint | None, Field(description="how many")]
    adjusted: Annotated[float | None, Field(description="rewritten all the time")]


MEASURES = Dataset(
    name="measures",
    row=Measure,
    key=("site", "day"),
    time="day",
    cadence="daily",
    unversioned=("adjusted",),
)


class Event(Row):
    """Something that happened; the later message simply wins."""

    run: Annotated[Code, Field(description="which run")]
    status: Annotated[str, Field(description="how it went")]
    count: Annotated[Bigint | None, Field(description="how many")]


EVENTS = Dataset(name="events", row=Event, key=("run",), cadence="irregular", versioned=False)

Record = tuple[dict[str, Any], dt.datetime]


def at(minutes: float) -> dt.datetime:
    """Return a moment so many minutes after NOON."""
    return NOON + dt.timedelta(minutes=minutes)


def measure(minutes: float, level: float | None = 1.0, site: str = "A", **fields: Any) -> Record:
    """Return a record of MEASURES that became known so many minutes after NOON."""
    row = {"site": site, "day": dt.date(2026, 1, 1), "level": level, "label": None, "tags": None}
    return row | {"count": None, "adjusted": None} | fields, at(minutes)


def event(run: str, status: str, minutes: float = 0) -> Record:
    """Return a record of EVENTS."""
    return {"run": run, "status": status, "count": 1}, at(minutes)


def to_table(dataset: Dataset, records: Sequence[Record], partition: int, first: int) -> pa.Table:
    """Return records as the decoder would, with offsets from `first` on."""
    rows = [
        row | {"as_of": as_of, "source": "test", "kafka_partition": partition}
        for row, as_of in records
    ]
    for offset, row in enumerate(rows, first):
        row["kafka_offset"] = offset
    return pa.Table.from_pylist(rows, pa.schema([*dataset.arrow_schema, *BATCH_FIELDS]))


def refused(offset: int, value: bytes | None = b"?", topic: str = "topic") -> Rejected:
    """Return a message that breaks the rules."""
    headers = (("as_of", b"\xff\x00"), ("source", b"x"))
    message = Message(topic, 0, offset, 1_767_225_600_123, b"key\x00", value, headers)
    return Rejected(message, InvalidRecord("wrong", "it is wrong", "level"), NOON)


class Feed:
    """One partition of a topic and where its reading stands in a database."""

    def __init__(
        self,
        database: Database,
        dataset: Dataset = MEASURES,
        *,
        reader: Reader = READER,
        partition: int = 0,
    ) -> None:
        self.database = database
        self.dataset = dataset
        self.reader = reader
        self.partition = partition
        self.position = Position("topic", partition, 0, 0)

    async def claim(self) -> Position:
        """Claim the partition, from offset 0 where nothing is stored."""
        wanted = [("topic", self.partition, 0)]
        (self.position,) = await self.database.claim(self.reader, wanted)
        return self.position

    def batch(self, records: Sequence[Record], rejected: Sequence[Rejected] = ()) -> Batch:
        """Return the batch of the next messages; the refused come last."""
        start = self.position
        end = replace(start, next_offset=start.next_offset + len(records) + len(rejected))
        table = to_table(self.dataset, records, self.partition, start.next_offset)
        return Batch(self.reader, self.dataset, table, rejected, [Move(start, end)])

    async def write(self, records: Sequence[Record], rejected: Sequence[Rejected] = ()) -> Written:
        """Write the next messages in one transaction and step on."""
        batch = self.batch(records, rejected)
        written = await self.database.write(batch)
        self.position = batch.moves[0].end
        return written


@asynccontextmanager
async def opened(settings: Settings, datasets: Iterable[Dataset]) -> AsyncIterator[Database]:
    """Open a database and make the tables."""
    database = create_database(settings, application="test")
    await database.open()
    try:
        await database.apply_schema(datasets)
        yield database
    finally:
        async with asyncio.timeout(20):
            await database.close()


async def rows(database: Database, name: str, columns: str = "*") -> list[dict[str, Any]]:
    """Return all rows of a table of MEASURES or EVENTS, in order of their keys."""
    order = {"dead_letters": 'topic, partition, "offset"', "events": "run"}
    by = order.get(name, "site, day, as_of")
    found = await database.fetch(f"SELECT {columns} FROM {name} ORDER BY {by}")
    return found.to_pylist()  # type: ignore[no-any-return]
