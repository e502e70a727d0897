"""Fills topics again with what the database knows, in the order in which it became known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pyarrow as pa

from services.cli.database.store import Store, closing, open_store
from shared.database.history import History
from shared.dataset import Dataset
from shared.errors import InvalidRecord
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.record import Record, Rows, encode
from shared.settings import Settings


@dataclass(slots=True)
class Outcome:
    """How many records of a dataset there are, were published, and could not be."""

    dataset: Dataset
    found: int
    published: int = 0
    refused: int = 0


Tell = Callable[[Dataset, InvalidRecord], None]
"""Hears of a stored row that no message can carry."""

Progress = Callable[[Outcome], None]
"""Hears how far a dataset is."""


async def refill(
    settings: Settings, wanted: Sequence[History], tell: Tell, progress: Progress, *, dry_run: bool
) -> list[Outcome]:
    """Publish the records of datasets, one dataset after the other, in constant memory.

    Returns when the broker has acknowledged all; a dry run only counts them and needs no
    broker. Missing topics are made. Raises Transient where broker or database are away, and
    ConfigError as both do: what was published till then changes nothing when it comes again.
    """
    async with open_store(settings, command="republish") as store:
        outcomes = [Outcome(w.dataset, await _count(store, w)) for w in wanted]
        if dry_run:
            return outcomes
        async with _producer(settings, [w.dataset for w in wanted]) as producer:
            prefix = settings.kafka_topic_prefix
            for history, outcome in zip(wanted, outcomes, strict=True):
                progress(outcome)
                async with closing(store.stream(history.select, history.parameters)) as batches:
                    async for batch in batches:
                        await _publish(producer, history.dataset, batch, prefix, outcome, tell)
                        progress(outcome)
    return outcomes


@asynccontextmanager
async def _producer(settings: Settings, datasets: Sequence[Dataset]) -> AsyncIterator[Producer]:
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, datasets))
    async with Producer(cluster) as producer:
        yield producer


async def _count(store: Store, history: History) -> int:
    async with closing(store.stream(history.count, history.parameters)) as batches:
        return sum([batch["records"][0].as_py() async for batch in batches if batch.num_rows])


async def _publish(
    producer: Producer,
    dataset: Dataset,
    batch: pa.RecordBatch,
    prefix: str,
    outcome: Outcome,
    tell: Tell,
) -> None:
    """Publish a batch; a row that no message can carry is told and left out, and only it."""
    try:
        records = await asyncio.to_thread(lambda: list(records_of(dataset, batch, prefix)))
        await producer.publish(records)
    except InvalidRecord as exc:
        if batch.num_rows > 1:
            half = batch.num_rows // 2
            for part in (batch.slice(0, half), batch.slice(half)):
                await _publish(producer, dataset, part, prefix, outcome, tell)
            return
        outcome.refused += batch.num_rows
        tell(dataset, exc)
    else:
        outcome.published += batch.num_rows


def records_of(dataset: Dataset, batch: pa.RecordBatch, prefix: str) -> Iterator[Record]:
    """Yield the records of a batch of a `History`, each with its own as_of and source.

    Raises InvalidRecord for what no message can carry. CPU work on whole columns.
    """
    arrays = [batch[column.name].cast(column.kind.arrow) for column in dataset.columns]
    table = pa.Table.from_arrays(arrays, dataset.arrow_schema.names)
    as_of = pa.chunked_array([batch["as_of"]]) if dataset.versioned else None
    encoded = encode(Rows(dataset, table, as_of), prefix)
    for record, source in zip(encoded, batch["source"].to_pylist(), strict=True):
        said = () if source is None else (("source", source.encode()),)
        yield Record(record.topic, record.key, record.value, (*record.headers, *said))
