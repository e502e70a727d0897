"""Whether a loader gets on, what it says of how far it is, and how much it gathers."""

import time
from dataclasses import dataclass

import pytest

from services.loader.batch import Gatherer, pending_bytes
from services.loader.halts import Cause, Halt
from services.loader.progress import Progress
from services.loader.readiness import Readiness
from services.loader.summary import how_far, in_lines
from shared.database.base import Position
from shared.errors import Transient
from shared.kafka import TopicPartition
from shared.messages import Headers, Messages
from tests.batches import EVENTS, MEASURES

PLACE = TopicPartition("topic", 0)


def ago(seconds: float) -> float:
    return time.monotonic() - seconds


async def test_a_loader_that_gets_on_is_ready() -> None:
    progress = Progress(lag=5, standing={PLACE: ago(20)}, away_since=ago(20))
    await Readiness(progress).check()


async def test_a_position_that_stands_still_with_lag_is_told() -> None:
    other = TopicPartition("topic", 1)
    progress = Progress(lag=5, standing={PLACE: ago(31), other: ago(1)})
    with pytest.raises(Transient, match=r"1 partitions .* topic\[0\] for 31 s"):
        await Readiness(progress).check()


async def test_a_database_that_is_away_for_long_is_told() -> None:
    with pytest.raises(Transient, match="away since 31 s"):
        await Readiness(Progress(away_since=ago(31))).check()


async def test_a_paused_partition_is_told_with_what_to_do() -> None:
    progress = Progress()
    position = Position("topic", 0, 1, 5)
    progress.halts.add(PLACE, Halt(Cause.TOPIC, "it is paused: do this", position))
    with pytest.raises(Transient, match="do this"):
        await Readiness(progress).check()
    assert "1 partitions paused" in how_far(progress)
    progress.halts.lift(PLACE)
    await Readiness(progress).check()


def test_progress_is_told_now_and_then_and_where_it_moved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell, seldom = in_lines(every=0), in_lines(every=3600)
    progress = Progress(records=1_234, lag=5_678, dead_letters=2)
    for _ in range(3):
        tell(progress)
        seldom(progress)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("1,234 records, ")
    assert line.endswith(" a second, 5,678 to go, 2 dead letters")


def test_what_is_gathered_of_all_topics_is_bounded_by_bytes() -> None:
    datasets = {f"topic-{n}": (MEASURES, EVENTS)[n % 2] for n in range(10)}
    gatherer = Gatherer(datasets, rows=10_000, seconds=3600)
    size = pending_bytes(10_000) // len(datasets)
    gatherer.begin({TopicPartition(t, 0): Position(t, 0, 1, 0) for t in datasets})
    for topic in datasets:
        assert gatherer.take([0], _no_end) == []
        messages = Messages.unpacked(topic, 0, [_Raw(bytes(size + 1))])
        gatherer.add({TopicPartition(topic, 0): messages}, {TopicPartition(topic, 0): 1})
    assert len(gatherer.take([0], _no_end)) == len(datasets)


def test_the_rest_of_a_backlog_waits_for_nothing_and_a_trickle_does() -> None:
    tp, other = TopicPartition("topic", 0), TopicPartition("topic", 1)
    gatherer = Gatherer({"topic": MEASURES}, rows=10, seconds=3600)
    gatherer.begin({each: Position(*each, 1, 0) for each in (tp, other)})
    ends = {tp: 15, other: 0}

    def taken(offset: int, count: int) -> list[int]:
        records = [_Raw(b"{}", at) for at in range(offset, offset + count)]
        gatherer.add({tp: Messages.unpacked(*tp, records)}, {tp: offset + count})
        return [len(chunk.messages) for chunk in gatherer.take([0], ends.get)]

    assert taken(0, 10) == [10]
    ends[other] = 1
    assert taken(10, 5) == []
    ends[other] = 0
    assert gatherer.wait_seconds([0], ends.get) == 0
    assert [len(chunk.messages) for chunk in gatherer.take([0], ends.get)] == [5]
    ends[tp] = 16
    assert taken(15, 1) == []
    assert gatherer.wait_seconds([0], ends.get) > 1


def _no_end(_: TopicPartition) -> None:
    """Say that no partition was asked for records yet."""


@dataclass
class _Raw:
    """A record as the client unpacks it."""

    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Headers = ()
