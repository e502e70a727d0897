"""Offsets are committed up to the first record that was not handled, whatever became of it."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.processor.stream.ledger import Ledger

PLACE = ("t", 0)
ENDS = 30


@dataclass
class Reading:
    """A partition with records at some offsets, as it is read, handled, dropped and read again."""

    ledger: Ledger[tuple[str, int]]
    records: frozenset[int]
    handled: set[int] = field(default_factory=set)
    in_hand: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger.begin(PLACE, 0)

    @property
    def read(self) -> int:
        return self.ledger.read(PLACE) or 0

    @property
    def next(self) -> int:
        return self.ledger.next(PLACE) or 0

    def hand_on(self, end: int) -> None:
        """Hand on up to an offset, as a fetch that ends there covers it."""
        for record in sorted(r for r in self.records if self.read <= r < end):
            self.ledger.deliver(PLACE, record + 1, waits=True)
            self.in_hand.append(record)
        if self.read < end:
            self.ledger.deliver(PLACE, end, waits=False)

    def handle(self, index: int) -> None:
        """Have one of those in hand handled, also out of turn."""
        if self.in_hand:
            record = self.in_hand.pop(index % len(self.in_hand))
            self.handled.add(record)
            self.ledger.handled(PLACE, record)

    def drop(self, index: int) -> None:
        """Lose one of those in hand on its way."""
        if self.in_hand:
            self.in_hand.pop(index % len(self.in_hand))

    def step(self, what: str, number: int) -> None:
        before = self.next
        match what:
            case "hand on":
                self.hand_on(number)
            case "handle":
                self.handle(number)
            case "drop":
                self.drop(number)
            case "again":  # what is in hand may still be handled, and counts no more
                self.ledger.begin(PLACE, self.next)
        assert before <= self.next <= self.read
        assert {r for r in self.records if r < self.next} <= self.handled


STEPS = st.lists(
    st.tuples(st.sampled_from(["hand on", "handle", "drop", "again"]), st.integers(0, ENDS))
)
RECORDS = st.frozensets(st.integers(0, ENDS - 1))


def follow(
    ledger: Ledger[tuple[str, int]], records: frozenset[int], steps: list[tuple[str, int]]
) -> None:
    """Check all along that nothing is passed over, and that reading again brings all of it."""
    reading = Reading(ledger, records)
    for what, number in steps:
        reading.step(what, number)
    reading.in_hand.clear()
    reading.step("again", 0)
    reading.step("hand on", ENDS)
    while reading.in_hand:
        reading.step("handle", 0)
    assert reading.next == ENDS
    assert reading.handled >= records


@given(RECORDS, STEPS)
def test_nothing_is_passed_over_and_all_of_it_is_reached(
    records: frozenset[int], steps: list[tuple[str, int]]
) -> None:
    follow(Ledger(), records, steps)


class Acknowledging(Ledger[tuple[str, int]]):
    """Takes what was dropped for a hole of the topic's own, as Faust does."""

    newest = 0

    def handled(self, place: tuple[str, int], offset: int) -> None:
        super().handled(place, offset)
        self.newest = max(self.newest, offset + 1)

    def next(self, place: tuple[str, int]) -> int | None:
        return max(self.newest, super().next(place) or 0)


def test_one_that_takes_a_dropped_record_for_a_hole_of_the_topic_is_found_out() -> None:
    steps = [("hand on", 3), ("drop", 0), ("handle", 1)]
    follow(Ledger(), frozenset({0, 1, 2}), steps)
    with pytest.raises(AssertionError):
        follow(Acknowledging(), frozenset({0, 1, 2}), steps)


def test_a_partition_that_is_not_read_has_no_offset_to_commit() -> None:
    ledger: Ledger[tuple[str, int]] = Ledger()
    ledger.handled(PLACE, 7)
    assert ledger.next(PLACE) is None
    ledger.begin(PLACE, 7)
    assert ledger.next(PLACE) == 7
    ledger.forget(PLACE)
    assert ledger.next(PLACE) is None
    assert not list(ledger)
