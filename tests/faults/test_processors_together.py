"""Several processors of one group: whatever becomes of them, the features are those of the bars."""

import asyncio
import datetime as dt
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.processor.app import group_of
from services.processor.bars import from_table
from services.processor.technical import technical_features
from services.processor.ticker import rebuilt
from shared.datasets.yfinance_ohlcv import DATASET
from shared.decode import decode
from shared.errors import Transient
from shared.kafka import Cluster, Producer, connect, declared_topics, ensure_topics, read_whole
from shared.record import Message, Record
from shared.registry import discover
from shared.settings import Settings
from tests.faults.harness.broker import Group, open_group
from tests.loading import bar, record
from tests.processing import Worker, bury, start_worker
from tests.services.kafka.node import KafkaNode
from tests.services.search import Service
from tests.waiting import until

PARTITIONS = 4
TICKER_BARS = 1_000
ROUND_BARS = 6_000
WITHIN_S = 60.0


class Run:
    """Bars that are published, workers that come and go, and the features that they tell."""

    def __init__(self, settings: Settings, cluster: Cluster, group: Group, folder: Path) -> None:
        self.group = group
        self._settings = settings
        self._cluster = cluster
        self._folder = folder
        self._topic = f"{settings.kafka_topic_prefix}technical_features"
        self._sent: list[Record] = []
        self._after: dict[int, int] = {}
        self.told: dict[tuple[str, str], dict[str, Any]] = {}
        self.workers: list[tuple[Worker, set[str]]] = []

    async def start(self) -> None:
        """Start a worker and wait until it is one of the group."""
        others = await self.group.members()
        one = await start_worker(self._settings, self._folder / f"worker-{len(others)}")
        self.workers.append((one, set()))
        joined = await until(lambda: self._joined(one, others), within=60, every=0.2)
        self.workers[-1] = (one, joined)

    async def _joined(self, one: Worker, others: set[str]) -> set[str]:
        assert one.process.returncode is None, one.log.read_text()
        return await self.group.members() - others

    async def strike(self, number: signal.Signals) -> None:
        """End the oldest worker; of a kill the group is told as if its session had passed."""
        one, names = self.workers.pop(0)
        one.process.send_signal(number)
        status = await one.process.wait()
        if number == signal.SIGKILL:
            await self.group.dismiss(names)
        else:
            assert status == 0, one.log.read_text()

    async def send(self) -> None:
        """Publish some more bars, also through an outage of the broker."""
        begin = len(self._sent)
        more = [_bar(self._settings, n) for n in range(begin, begin + ROUND_BARS)]
        self._sent += more
        async with Producer(self._cluster) as producer:
            for at in range(0, len(more), 500):
                await until(lambda at=at: _sent(producer, more[at : at + 500]), WITHIN_S)  # type: ignore[misc]  # mypy types no lambda with a default

    async def told_of(self, bars: int) -> None:
        """Wait until there are features of so many bars."""
        await until(lambda: self._look(bars), WITHIN_S, every=0.2)

    async def _look(self, bars: int) -> bool:
        for one, _ in self.workers:
            assert one.process.returncode is None, one.log.read_text()
        try:
            messages = await read_whole(self._cluster, self._topic, self._after)
        except Transient:  # the broker is one of those that are struck
            return False
        for message in messages:
            self._after[message.partition] = message.offset + 1
            row = json.loads(message.value or b"")
            key = row["ticker"], row["date"]
            assert self.told.setdefault(key, row) == row, f"{key} was told in two ways"
        return len(self.told) >= bars

    async def verify(self) -> None:
        """Check all that was told against what the bars say, bit for bit."""
        await self.told_of(len(self._sent))
        messages = [
            Message(r.topic, 0, n, 0, r.key, r.value, tuple(r.headers))
            for n, r in enumerate(self._sent)
        ]
        table = decode(DATASET, messages, dt.datetime.now(dt.UTC)).table
        for ticker in table["ticker"].unique().to_pylist():
            bars = from_table(table.filter([t == ticker for t in table["ticker"].to_pylist()]))
            for row in technical_features(ticker, *rebuilt(bars)[1])[0].to_pylist():
                assert self.told[ticker, str(row["date"])] == row | {"date": str(row["date"])}


def _bar(settings: Settings, number: int) -> Record:
    close = 100 + (number * 7919 % 101) / 10
    value = bar(number, bars_a_ticker=TICKER_BARS, close=close, high=120.0, low=90.0)
    return record(settings, value)


async def _sent(producer: Producer, records: list[Record]) -> bool:
    try:
        await producer.publish(records)
    except Transient:
        return False
    return True


@asynccontextmanager
async def running(broker: str, prefix: str, folder: Path) -> AsyncIterator[Run]:
    """Open a run with two workers; those that are left at the end are killed."""
    settings = Settings(
        kafka_bootstrap_servers=broker,
        kafka_topic_prefix=prefix,
        kafka_topic_partitions=PARTITIONS,
        processor_outputs=("technical_features",),
        data_dir=folder,
    )
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, discover()))
    async with open_group(broker, group_of(settings, PARTITIONS)) as group:
        run = Run(settings, cluster, group, folder)
        try:
            for _ in range(2):
                await run.start()
            yield run
        finally:
            for one, _ in run.workers:
                await bury(one)


async def test_two_processors_survive_each_other_and_pass_no_bar_over(
    kafka: Service, topic_prefix: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    if not kafka.real:
        pytest.skip("no Apache Kafka here; the closing line says why")
    async with running(kafka.address, topic_prefix, tmp_path) as run:
        for number in range(rounds(2, 30)):
            sending = asyncio.create_task(run.send())
            await run.told_of(len(run.told) + ROUND_BARS // 20)
            await run.strike(signal.SIGTERM if number % 2 else signal.SIGKILL)
            await run.start()
            await sending
        await run.verify()


async def test_a_broker_killed_under_load_is_waited_for_by_processors(
    kafka_node: KafkaNode, topic_prefix: str, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    async with running(kafka_node.address, topic_prefix, tmp_path) as run:
        for _ in range(rounds(1, 15)):
            sending = asyncio.create_task(run.send())
            await run.told_of(len(run.told) + ROUND_BARS // 20)
            await asyncio.to_thread(kafka_node.kill)
            await asyncio.to_thread(kafka_node.start)
            await sending
        await run.verify()
