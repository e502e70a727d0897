"""Producers whose records can be told apart for ever, and who note what became of them."""

import asyncio
import datetime as dt
import json
import random
import zlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from aiokafka import AIOKafkaProducer

from shared.errors import Transient
from shared.kafka import Cluster, Producer
from shared.record import Record, encode_time
from tests.faults.harness.ledger import Entry, Fate, Ledger
from tests.loading import FIRST_DAY

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BASE = 1_577_836_800_000_000  # 2020-01-01
SECOND = 1_000_000
BATCH = 200
GIVE_UP_SECONDS = 90.0

EVERYTHING = {"new": 40, "later": 20, "confirm": 14, "late": 12, "again": 10, "tie": 2, "poison": 2}
"""New keys, later and earlier values of known ones, repetitions, and records broken in any way."""

WITHOUT_ORDER = {"new": 50, "later": 20, "late": 15, "again": 13, "poison": 2}
"""The same without what depends on the order of arrival: for keys on several partitions."""

_POISONS: list[bytes | None] = [
    b'{"ticker": "broken"',
    b"\xff\xfe",
    b"",
    None,
    b'{"ticker": "K", "date": "2020-13-40"}',
    b"NaN",
    b'{"a":' * 5_000,
]


class Publisher(Protocol):
    async def publish(self, records: Sequence[Record]) -> object: ...


class Crc32Producer:
    """Publishes as librdkafka does by default: keys are hashed by CRC32, not murmur2."""

    def __init__(self, cluster: Cluster) -> None:
        self._inner: Any = AIOKafkaProducer(
            **cluster.options, acks="all", partitioner=_by_crc32, metadata_max_age_ms=500
        )

    async def __aenter__(self) -> Self:
        await self._inner.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._inner.stop()

    async def publish(self, records: Sequence[Record]) -> None:
        sent = [
            await self._inner.send(r.topic, r.value, r.key, headers=list(r.headers))
            for r in records
        ]
        await asyncio.gather(*sent)


def _by_crc32(key: bytes, every: Sequence[int], available: Sequence[int]) -> int:
    return every[zlib.crc32(key) % len(every)]


def open_producer(cluster: Cluster) -> Producer:
    """Return a producer that soon learns that its broker is gone."""
    return Producer(cluster, delivery_timeout=10.0)


class Feeder:
    """Draws records and publishes them; several may write the same keys, each as of its own times.

    `mix` says how often what kind is drawn.
    """

    def __init__(
        self,
        run: str,
        number: int,
        topic: str,
        ledger: Ledger,
        chance: random.Random,
        mix: Mapping[str, int] = EVERYTHING,
        *,
        tickers: int = 40,
    ) -> None:
        self._run = run
        self._number = number
        self._topic = topic
        self._ledger = ledger
        self._chance = chance
        self._mix = mix
        self._tickers = tickers
        self._seq = 0
        self._days = [0] * tickers
        self._known: dict[tuple[str, str], dict[int, int]] = {}
        self._keys: list[tuple[str, str]] = []

    async def feed(self, publisher: Publisher, count: int) -> None:
        """Publish so many records, a batch again and again until the broker has taken it."""
        while count > 0:
            entries = [self._draw() for _ in range(min(BATCH, count))]
            count -= len(entries)
            if self._chance.random() < 0.5:
                self._chance.shuffle(entries)
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await self._deliver(publisher, entries)

    async def keep_feeding(
        self, publisher: Publisher, stop: asyncio.Event, *, every: float = 0.05
    ) -> None:
        """Publish a batch now and then until told to stop; at most 4,000 records a second."""
        while not stop.is_set():
            await self.feed(publisher, BATCH)
            await asyncio.sleep(every)  # the pace, not a wait

    async def _deliver(self, publisher: Publisher, entries: list[Entry]) -> None:
        records = [self._record(entry) for entry in entries]
        while True:
            self._ledger.sent(entries)
            try:
                await publisher.publish(records)
            except Transient:
                self._ledger.told(Fate.UNKNOWN, entries)
            else:
                self._ledger.told(Fate.ACKED, entries)
                return

    def _record(self, entry: Entry) -> Record:
        moment = EPOCH + dt.timedelta(microseconds=entry.as_of)
        headers = (("as_of", encode_time(moment).encode()), ("source", entry.name.encode()))
        value = _POISONS[entry.seq % len(_POISONS)] if entry.value is None else _bar(entry)
        return Record(self._topic, entry.ticker.encode(), value, headers)

    def _draw(self) -> Entry:
        """Return the next record; odd micros tell producers apart, so that no two meet."""
        self._seq += 1
        (kind,) = self._chance.choices(list(self._mix), list(self._mix.values()))
        as_of, value = BASE + self._seq * SECOND + self._number, self._seq * 10 + self._number
        if kind == "new" or not self._keys:
            return self._noted(self._new_key(), as_of, value)
        key = self._chance.choice(self._keys)
        known = self._known[key]
        some = self._chance.choice(list(known))
        match kind:
            case "confirm":
                value = known[max(known)]
            case "late":
                as_of = some - 10 * self._chance.randrange(1, 40_000)
                while as_of in known:
                    as_of -= 10
            case "again":
                as_of, value = some, known[some]
            case "tie":
                as_of = some
            case "poison":
                return Entry(self._run, self._number, self._seq, *key, as_of, None)
        return self._noted(key, as_of, value)

    def _noted(self, key: tuple[str, str], as_of: int, value: int) -> Entry:
        if key not in self._known:
            self._known[key] = {}
            self._keys.append(key)
        self._known[key][as_of] = value
        return Entry(self._run, self._number, self._seq, *key, as_of, value)

    def _new_key(self) -> tuple[str, str]:
        ticker = self._chance.randrange(self._tickers)
        self._days[ticker] += 1
        return f"K{ticker}", str(FIRST_DAY + dt.timedelta(days=self._days[ticker]))


def _bar(entry: Entry) -> bytes:
    row = {
        "ticker": entry.ticker,
        "date": entry.day,
        **dict.fromkeys(("open", "high", "low", "close"), 2.5),
        "adj_close": None,
        "volume": entry.value,
        "currency": "USD",
        "is_final": True,
    }
    return json.dumps(row).encode()
