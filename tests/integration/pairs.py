"""Two databases of the two kinds, between which rows are moved."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.database.base import Database
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import units
from shared.database.transfer.run import Run, Transfer
from shared.database.transfer.source import Side, look
from shared.database.transfer.verify import Known, Verdict, verify
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, Feed, event, measure, opened, refused

FEW = [MEASURES, EVENTS]
UNITS = [unit for unit in units(FEW) if unit.name != "api_keys"]


@dataclass
class Pair:
    """A source and a target, of the two kinds."""

    source: Database
    target: Database

    async def transfer(
        self, *, batch_rows: int = 3, since: dt.datetime | None = None,
        known_at: Mapping[str, int] | None = None,
    ) -> Transfer:  # fmt: skip
        every = [*UNITS, OFFSETS]
        source = await look(self.source, every, since, known_at)
        target = await look(self.target, every, since, None)
        return Transfer(
            source, target, UNITS, batch_rows=batch_rows, origin="test", topic_prefix="",
        )  # fmt: skip

    async def move(self, **options: Any) -> Run:
        return await (await self.transfer(**options)).run(lambda _: None)

    async def sides(self) -> tuple[Side, Side]:
        every = [*UNITS, OFFSETS]
        return await look(self.source, every, None, None), await look(
            self.target, every, None, None
        )

    async def verify(self, known: Mapping[str, Known] | None = None) -> dict[str, Verdict]:
        source, target = await self.sides()
        known = known or {}
        return {
            u.name: await verify(source, target, u, 3, lambda _: None, known.get(u.name))
            for u in UNITS
        }


@asynccontextmanager
async def opened_pair(target: str, postgres_url: str, folder: Path) -> AsyncIterator[Pair]:
    """Lend two databases with the tables and no rows; `target` is the kind of the second."""
    settings = {
        "duckdb": Settings(duckdb_path=folder / "moved.duckdb"),
        "postgresql": Settings(database_backend="postgresql", database_url=postgres_url),
    }
    async with AsyncExitStack() as closing:
        databases = {
            kind: await closing.enter_async_context(opened(given, FEW))
            for kind, given in settings.items()
        }
        other = "duckdb" if target == "postgresql" else "postgresql"
        yield Pair(databases[other], databases[target])


async def fill(database: Database) -> None:
    """Store versions, events and letters, as a loader does."""
    feed = Feed(database)
    await feed.claim()
    for minute, level in enumerate((1.0, 1.0, 2.5, None, -0.0)):
        sites = ["A", "B", "Zürich ' \n", "", "C"] if minute < 3 else ["A"]
        await feed.write([measure(minute, level, site, tags=["x", ""]) for site in sites if site])
    await feed.write([measure(9, 0.1 + n, "late", day=dt.date(2020, 1, n + 1)) for n in range(9)])
    await feed.write([], [refused(feed.position.next_offset, b"\x00\xff")])
    events = Feed(database, EVENTS, partition=1)
    await events.claim()
    await events.write([event(f"run {n}", "done") for n in range(5)])
