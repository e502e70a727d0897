"""A worker's stream of records: nothing is passed over, whatever drops it on its way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.processor.progress import Handled
from services.processor.stream import Stream
from services.processor.stream.consumer import Consumer
from shared.kafka import Cluster, TopicSpec, ensure_topics
from shared.messages import Messages
from tests.faults.harness.broker import Group, open_group
from tests.services.search import Service
from tests.waiting import until

RECORDS, ABORTED, MARKS = 1_000, 10, 3


@dataclass
class Taking:
    """A handler that notes what it is given; with the first batch in hand the mishap happens."""

    topic: str
    mishap: Callable[[], bool]
    values: list[int] = field(default_factory=list)

    async def handle(self, messages: Messages) -> None:
        if not self.values:
            await until(self.mishap, within=30)
        self.values += [int(value or b"") for value in messages.values]


@asynccontextmanager
async def taking(
    cluster: Cluster, prefix: str, folder: Path, mishap: Callable[[], bool]
) -> AsyncIterator[Taking]:
    """Run a worker on one partition of a topic of its own."""
    found = Taking(f"{prefix}numbers", mishap)
    await ensure_topics(cluster, [TopicSpec(found.topic, 1, 1)])
    stream = Stream(
        cluster, f"{prefix}group", 1, store="memory", folder=folder / "faust", handled=Handled()
    )
    stream.consume([found.topic], found.handle)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream.run(stop))
        try:
            yield found
        finally:
            stop.set()


@pytest.fixture
def consumers(monkeypatch: pytest.MonkeyPatch) -> list[Consumer]:
    """The consumers that are made."""
    made: list[Consumer] = []
    whole = Consumer.__init__

    def init(self: Consumer, *args: Any, **kwargs: Any) -> None:
        whole(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Consumer, "__init__", init)
    return made


async def send(cluster: Cluster, topic: str, numbers: Sequence[int]) -> None:
    """Publish numbers in two transactions, and between them one that is given up."""
    producer = AIOKafkaProducer(**cluster.options, transactional_id=f"{topic}-{numbers[0]}")
    await producer.start()
    try:
        middle = len(numbers) // 2
        for part in (numbers[:middle], None, numbers[middle:]):
            await producer.begin_transaction()
            for number in [-1] * ABORTED if part is None else part:
                await producer.send(topic, str(number).encode(), partition=0)
            await (producer.abort_transaction() if part is None else producer.commit_transaction())
    finally:
        await producer.stop()


def nothing(consumer: Consumer) -> bool:
    """Let all go well."""
    return True


def queue_cleared(consumer: Consumer) -> bool:
    """Drop what was handed on and not taken yet, as Faust does."""
    [tp] = consumer.ledger
    if (consumer.ledger.read(tp) or 0) < RECORDS + 100:
        return False
    consumer.app.flow_control.clear()
    return True


def fetch_skipped(consumer: Consumer) -> bool:
    """Have the client go on behind what it has not handed out."""
    [tp] = consumer.ledger
    consumer._thread.seek(tp, (consumer.ledger.read(tp) or 0) + 100)
    return True


@pytest.mark.parametrize("mishap", [nothing, queue_cleared, fetch_skipped])
async def test_all_of_a_topic_is_handled_and_committed_to_its_end(
    mishap: Callable[[Consumer], bool],
    kafka: Service,
    cluster: Cluster,
    topic_prefix: str,
    tmp_path: Path,
    consumers: list[Consumer],
) -> None:
    if not kafka.real:
        pytest.skip("no Apache Kafka here; the closing line says why")
    async with (
        open_group(kafka.address, f"{topic_prefix}group") as group,
        taking(cluster, topic_prefix, tmp_path, lambda: mishap(consumers[0])) as found,
    ):
        for begin in (0, RECORDS):
            await send(cluster, found.topic, range(begin, begin + RECORDS))
        await until(lambda: set(found.values) == set(range(2 * RECORDS)), within=30)
        end = 2 * (RECORDS + ABORTED + MARKS)
        await until(lambda: _is_committed(group, found.topic, end), within=30, every=0.1)


async def _is_committed(group: Group, topic: str, end: int) -> bool:
    return (await group.committed(topic)).get(0) == end
