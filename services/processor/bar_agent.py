"""Takes daily bars from the stream, keeps each ticker's state and publishes what follows."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from services.processor.bars import Bars, from_table
from services.processor.derive import Derivation, Derived
from services.processor.history import History
from services.processor.publish import Outlet
from services.processor.rekey import Intake
from services.processor.stream import Stream
from services.processor.ticker import (
    Late,
    Ticker,
    first_news,
    news_in,
    pack,
    rebuilt,
    take_in,
    unpack,
)
from shared.errors import Transient
from shared.kafka import partition_for
from shared.lifecycle import pause
from shared.messages import Messages
from shared.observability import get_logger

LOOK_SECONDS = 0.5
_WAITS = b'"late": ['
_log = get_logger(__name__)


@dataclass(frozen=True)
class BarSource:
    """Where bars come from: `name` of the state, `label` of a ticker, and what is derived."""

    name: str
    intake: Intake
    derive: Derivation
    prefix: str = ""


class BarAgent:
    """Computes tickers of one source; `handle` for batches, `recompute` beside it."""

    def __init__(
        self,
        source: BarSource,
        stream: Stream,
        outlet: Outlet,
        history: History | None,
        *,
        seed_before: dt.datetime | None = None,
    ) -> None:
        """`seed_before`: a ticker without state begins with what was stored before then."""
        self.name = source.name
        self._source = source
        self._stream = stream
        self._outlet = outlet
        self._history = history
        self._seed_before = seed_before
        self._topic = source.intake.topic
        self._table = stream.table(source.name)
        self._one_at_a_time = asyncio.Lock()

    async def handle(self, messages: Messages) -> None:
        """Take in a batch: what follows is acknowledged by the broker before state is set."""
        taken = await self._source.intake.take(messages, self._stream.partitions)
        await self._outlet.pass_on(taken.foreign)
        async with self._one_at_a_time:
            states: dict[str, Ticker] = {}
            derived: list[Derived] = []
            for entity, rows in _by_entity(taken.table, self._source.intake.dataset.entity):
                ticker, found = await self._advance(entity, rows)
                states[entity] = ticker
                derived += found
            await self._outlet.publish(derived)
            packed = {entity.encode(): pack(ticker) for entity, ticker in states.items()}
            await self._outlet.pass_on(self._stream.changes(self._table, packed))
            self._stream.put(self._table, packed)

    async def recompute(self, stop: asyncio.Event) -> None:
        """Compute tickers anew that had news of old bars, once the store holds these."""
        while not await pause(stop, LOOK_SECONDS):
            waiting = self.waiting()
            if not waiting or self._history is None:
                continue
            try:
                stored = await self._history.stored(self._topic)
                for entity in waiting:
                    await self._anew(entity, stored)
            except Transient as exc:
                _log.warning("the_store_is_away", waiting=len(waiting), error=str(exc))

    def waiting(self) -> list[str]:
        """Return the tickers of this worker that wait to be computed anew."""
        mine = self._stream.assigned(self._topic)
        late = [key for key, value in self._table.items() if _WAITS in value[:1_000]]
        return [k.decode() for k in late if partition_for(k, self._stream.partitions) in mine]

    async def _advance(self, entity: str, rows: pa.Table) -> tuple[Ticker, list[Derived]]:
        ticker, found = await self._state(entity)
        records = from_table(rows)
        before = _before_window(ticker, records)
        if before.any() and (repeated := before & _seen(ticker, rows)).any():
            rows, records = rows.filter(pa.array(~repeated)), records[~repeated]
            before = before[~repeated]
        ticker = replace(ticker, seen=_furthest(ticker.seen, rows))
        if len(records) and (ticker.late is not None or before.any()):
            return _marked(ticker, records, rows), found
        for piece in news_in(ticker, records):
            ticker, change = take_in(ticker, piece)
            if change is not None:
                found += self._source.derive(self._source.prefix + entity, change)
        return ticker, found

    async def _state(self, entity: str) -> tuple[Ticker, list[Derived]]:
        packed = self._table.get(entity.encode())
        if packed is not None:
            return unpack(packed), []
        if self._seed_before is None or self._history is None:
            return Ticker(), []
        bars = await self._history.bars(entity, self._seed_before)
        if not len(bars):
            return Ticker(), []
        ticker, change = rebuilt(bars)
        return ticker, list(self._source.derive(self._source.prefix + entity, change))

    async def _anew(self, entity: str, stored: object) -> None:
        key = entity.encode()
        partition = partition_for(key, self._stream.partitions)
        async with self._one_at_a_time:
            tenure = self._stream.tenure(self._topic, partition)
            packed = self._table.get(key)
            late = unpack(packed).late if packed is not None else None
            if tenure is None or late is None or not _holds(stored, late) or not self._history:
                return
            before = unpack(packed)
            ticker, change = rebuilt(await self._history.bars(entity))
            ticker = replace(ticker, seen=before.seen)
            first = first_news(before, change.bars, late.since)
            if first < len(change.bars):
                news = change._replace(first=first, smoothed=change.smoothed.tail(first))
                found = self._source.derive(self._source.prefix + entity, news)
                await self._outlet.publish(list(found))
            states = {key: pack(ticker)}
            # Whoever has the partition now computes the ticker anew from the same store.
            if self._stream.tenure(self._topic, partition) == tenure:
                await self._outlet.pass_on(self._stream.changes(self._table, states))
                self._stream.put(self._table, states)


def _by_entity(table: pa.Table, entity: str) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of each ticker in order of arrival."""
    if not table.num_rows:
        return
    coded = table[entity].combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    in_order = table.take(pa.array(order))
    for name, begin, end in zip(coded.dictionary.to_pylist(), bounds[:-1], bounds[1:], strict=True):
        yield name, in_order.slice(begin, end - begin)


def _before_window(ticker: Ticker, records: Bars) -> Any:
    """Return which records are of bars too old to be corrected at once."""
    oldest = ticker.oldest
    return np.zeros(len(records), bool) if oldest is None else records["date"] < oldest


def _seen(ticker: Ticker, rows: pa.Table) -> Any:
    """Return which records are read again, as after a crash: a ticker was told of them."""
    partitions = rows["kafka_partition"].to_pylist()
    return rows["kafka_offset"].to_numpy() < [ticker.seen.get(p, 0) for p in partitions]


def _furthest(seen: Mapping[int, int], rows: pa.Table) -> dict[int, int]:
    """Return the next offset of each partition after these records and those seen before."""
    found = dict(seen)
    partitions, offsets = rows["kafka_partition"].to_numpy(), rows["kafka_offset"].to_numpy()
    for partition in np.unique(partitions).tolist():
        end = int(offsets[partitions == partition].max()) + 1
        found[partition] = max(found.get(partition, 0), end)
    return found


def _marked(ticker: Ticker, records: Bars, rows: pa.Table) -> Ticker:
    """Return a ticker that waits until the store holds all these records and those before."""
    since = int(records["date"].min())
    stored: Mapping[int, int] = {}
    if ticker.late is not None:
        since, stored = min(since, ticker.late.since), ticker.late.stored
    return replace(ticker, late=Late(since, _furthest(stored, rows)))


def _holds(stored: object, late: Late) -> bool:
    assert isinstance(stored, dict)
    return all(stored.get(partition, 0) >= offset for partition, offset in late.stored.items())
