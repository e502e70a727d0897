"""Publishes a file of rows on a dataset's topic, once its own law has accepted them."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import pyarrow as pa

from services.cli.records.intake import Form, Line, read_lines
from shared.dataset import Dataset
from shared.decode import decode
from shared.errors import InvalidRecord
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.record import Message, Record, Rows, encode
from shared.settings import Settings

BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be published, and as what; `source` is a file that can be read again."""

    dataset: Dataset
    source: BinaryIO
    form: Form
    as_of: dt.datetime | None
    name: str
    skip_invalid: bool
    dry_run: bool


@dataclass(slots=True)
class Outcome:
    """How many rows were published, or would have been in a dry run, and how many refused."""

    accepted: int = 0
    refused: int = 0


Tell = Callable[[int, InvalidRecord], None]
"""Hears of a refused row: its line and the reason."""

Progress = Callable[[int], None]
"""Hears how many bytes of the file are dealt with."""


async def publish_file(settings: Settings, order: Order, tell: Tell, progress: Progress) -> Outcome:
    """Publish the rows of a file; returns when the broker has acknowledged all.

    Nothing is published where a row is refused, unless refused ones are to be skipped. Raises
    Fatal where the file itself cannot be read, Transient where the broker is away.
    """
    if order.dry_run:
        return await _run(order, None, tell, progress)
    cluster = await connect(settings)
    outcome = Outcome() if order.skip_invalid else await _run(order, None, tell, progress)
    if outcome.refused:
        return Outcome(0, outcome.refused)
    await ensure_topics(cluster, declared_topics(settings, [order.dataset]))
    async with Producer(cluster) as producer:

        async def publish(table: pa.Table) -> None:
            rows = Rows(order.dataset, table, order.as_of, order.name)
            prefix = settings.kafka_topic_prefix
            await producer.publish(await asyncio.to_thread(_encoded, rows, prefix))

        return await _run(order, publish, tell, progress)


async def _run(
    order: Order,
    publish: Callable[[pa.Table], Awaitable[None]] | None,
    tell: Tell,
    progress: Progress,
) -> Outcome:
    outcome = Outcome()
    order.source.seek(0)
    lines = read_lines(order.source, order.form, order.dataset)
    while batch := await asyncio.to_thread(lambda: list(islice(lines, BATCH_ROWS))):
        table, refused = await asyncio.to_thread(_judge, order.dataset, batch)
        for line, reason in refused:
            tell(line, reason)
        if publish is not None and table.num_rows:
            await publish(table)
        outcome.accepted += table.num_rows
        outcome.refused += len(refused)
        progress(order.source.tell())
    return outcome


def _judge(
    dataset: Dataset, lines: Sequence[Line]
) -> tuple[pa.Table, list[tuple[int, InvalidRecord]]]:
    """Return the rows that the law accepts, and of the others line and reason, in order."""
    now = dt.datetime.now(dt.UTC)
    stamp = int(now.timestamp() * 1000)
    refused = [(line, value) for line, value in lines if isinstance(value, InvalidRecord)]
    messages = [
        Message("", 0, line, stamp, None, value)
        for line, value in lines
        if not isinstance(value, InvalidRecord)
    ]
    decoded = decode(dataset, messages, now)
    refused += [(rejected.message.offset, rejected.error) for rejected in decoded.rejected]
    return decoded.table.select(dataset.arrow_schema.names), sorted(refused, key=lambda r: r[0])


def _encoded(rows: Rows, prefix: str) -> Iterable[Record]:
    return list(encode(rows, prefix))
