"""Whether a processor gets on: what makes it unready, and that it says why."""

import time

import pytest

from services.processor import readiness
from services.processor.readiness import WAITING_SECONDS, Readiness
from shared.errors import Transient
from shared.kafka import TopicPartition

PLACE = TopicPartition("t", 0)


class Worker:
    name = "bars"
    ready = True
    handled = 0

    def __init__(self) -> None:
        self.read = {PLACE: 10}
        self.late: list[str] = []

    def unhandled(self) -> dict[TopicPartition, int]:
        return self.read

    def waiting(self) -> list[str]:
        return self.late


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed, for the judge alone."""
    passed = [0.0]
    begun = time.monotonic()

    class Time:
        @staticmethod
        def monotonic() -> float:
            return begun + passed[0]

    monkeypatch.setattr(readiness, "time", Time)
    return passed


def judge(worker: Worker, end: int) -> Readiness:
    async def ends(places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, end)

    return Readiness(worker, [worker], ends)


async def test_one_that_is_at_the_end_is_ready_for_ever(worker: Worker, clock: list[float]) -> None:
    ready = judge(worker, 10)
    for _ in range(3):
        await ready.look()
        clock[0] += WAITING_SECONDS
        await ready.check()


@pytest.mark.parametrize(("end", "in_hand"), [(15, 0), (10, 5)])
async def test_records_that_wait_and_are_not_handled_are_told(
    worker: Worker, clock: list[float], end: int, in_hand: int
) -> None:
    worker.read = {PLACE: 10 - in_hand}
    ready = judge(worker, end)
    await ready.look()
    await ready.check()
    clock[0] += WAITING_SECONDS + 1
    with pytest.raises(Transient, match="5 records wait and none was handled"):
        await ready.check()
    worker.handled += 1
    await ready.look()
    await ready.check()


async def test_a_ticker_that_waits_for_long_is_told(worker: Worker, clock: list[float]) -> None:
    worker.late = ["AAPL"]
    ready = judge(worker, 10)
    await ready.look()
    await ready.check()
    clock[0] += WAITING_SECONDS + 1
    with pytest.raises(Transient, match="1 tickers"):
        await ready.check()


async def test_one_that_recovers_its_state_is_not_ready(worker: Worker) -> None:
    worker.ready = False
    with pytest.raises(Transient, match="recovered"):
        await judge(worker, 10).check()
