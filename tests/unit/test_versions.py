"""The rule of versions against a naive reference that keeps moments instead of runs."""

import datetime as dt
from collections.abc import Iterable
from itertools import pairwise, permutations
from typing import NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from shared.versions import Outcome, Run, absorb
from tests.reference import History, Known, KnownRun
from tests.strategies import examples

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


class Said(NamedTuple):
    """A record: the minute it became known, its value, the value that makes no version."""

    minute: int
    value: str | None
    latest: int = 0
    wins_tie: bool = True


def at(minute: int) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minute)


def to_run(said: Said) -> Run:
    return Run(at(said.minute), at(said.minute), (said.value,), (said.latest,), (said,))


def absorbed(records: Iterable[Said]) -> list[Run]:
    runs: list[Run] = []
    for said in records:
        absorb(runs, to_run(said), wins_tie=said.wins_tie)
    return runs


def reference(records: Iterable[Said]) -> History:
    history = History()
    for said in records:
        known = Known(said.value, said.latest)
        history.arrive(at(said.minute), known, wins_tie=said.wins_tie)
    return history


def as_known(runs: Iterable[Run]) -> list[KnownRun]:
    return [KnownRun(r.as_of, r.confirmed_as_of, r.values[0], r.latest[0]) for r in runs]


minutes = st.integers(0, 14)
values = st.sampled_from(["x", "y", "z", None])
records = st.lists(
    st.builds(Said, minutes, values, st.integers(0, 2), st.sampled_from([True, True, True, False])),
    max_size=25,
)
without_ties = st.lists(
    st.builds(Said, minutes, values), unique_by=lambda said: said.minute, max_size=12
)


@given(records)
@examples(quick=600)
def test_runs_are_those_of_the_reference(arrived: list[Said]) -> None:
    history = reference(arrived)
    event(f"splits: {min(history.splits, 3)}")
    assert as_known(absorbed(arrived)) == history.runs()


@given(records)
@examples(quick=200)
def test_runs_are_disjoint_in_order_and_neighbours_differ(arrived: list[Said]) -> None:
    runs = absorbed(arrived)
    assert all(run.as_of <= run.confirmed_as_of for run in runs)
    for before, after in pairwise(runs):
        assert before.confirmed_as_of < after.as_of
        assert before.values != after.values


@given(records)
@examples(quick=200)
def test_what_was_known_at_each_moment_is_what_the_reference_says(arrived: list[Said]) -> None:
    history, runs = reference(arrived), absorbed(arrived)
    for moment in {at(said.minute) for said in arrived}:
        before = [run for run in runs if run.as_of <= moment]
        known = before[-1].values[0] if before else None
        assert known == history.known_at(moment)


@given(records, st.data())
@examples(quick=200)
def test_a_record_that_came_already_changes_nothing_more(
    arrived: list[Said], data: st.DataObject
) -> None:
    """At once again, since a record between may have won its moment."""
    runs = absorbed(arrived)
    for said in arrived:
        absorb(runs, to_run(said), wins_tie=said.wins_tie)
        once = list(runs)
        outcome = absorb(runs, to_run(said), wins_tie=said.wins_tie)
        assert (runs, outcome) == (once, Outcome.UNCHANGED)


@given(without_ties, st.randoms(use_true_random=False))
@examples(quick=300)
def test_the_current_value_is_the_newest_in_every_order(
    arrived: list[Said], random: object
) -> None:
    shuffled = sorted(arrived, key=lambda _: random.random())  # type: ignore[attr-defined]
    runs = absorbed(shuffled)
    newest = max(arrived, default=None)
    if newest is None:
        assert runs == []
        return
    assert (runs[-1].values, runs[-1].latest) == ((newest.value,), (newest.latest,))
    assert runs[-1].confirmed_as_of == at(newest.minute)


@given(without_ties, st.permutations(range(12)))
@examples(quick=300)
def test_orders_that_split_no_run_give_the_same_runs(arrived: list[Said], order: list[int]) -> None:
    shuffled = [arrived[place] for place in order if place < len(arrived)]
    if reference(arrived).splits or reference(shuffled).splits:
        event("a run was split")
        return
    event("no run was split")
    assert as_known(absorbed(arrived)) == as_known(absorbed(shuffled))


def test_a_split_loses_the_confirmations_inside_and_no_value() -> None:
    early = [Said(0, "x"), Said(2, "x"), Said(4, "x"), Said(1, "y")]
    late = [Said(0, "x"), Said(1, "y"), Said(2, "x"), Said(4, "x")]
    assert [(run.as_of, run.values) for run in absorbed(early)] == [
        (at(0), ("x",)),
        (at(1), ("y",)),
        (at(4), ("x",)),
    ]
    assert [run.as_of for run in absorbed(late)] == [at(0), at(1), at(2)]


@pytest.mark.parametrize(
    ("stored", "record", "outcome", "runs"),
    [
        ([], (5, "x"), Outcome.UPDATED, [(5, 5, "x")]),
        ([(5, "x")], (7, "x"), Outcome.CONFIRMED, [(5, 7, "x")]),
        ([(5, "x")], (7, "y"), Outcome.UPDATED, [(5, 5, "x"), (7, 7, "y")]),
        ([(5, "x")], (3, "x"), Outcome.CONFIRMED, [(3, 5, "x")]),
        ([(5, "x")], (3, "y"), Outcome.UPDATED, [(3, 3, "y"), (5, 5, "x")]),
        ([(5, "x")], (5, "y"), Outcome.UPDATED, [(5, 5, "y")]),
        ([(3, "x"), (7, "x")], (5, "x"), Outcome.UNCHANGED, [(3, 7, "x")]),
        (
            [(3, "x"), (7, "x")],
            (5, "y"),
            Outcome.UPDATED,
            [(3, 3, "x"), (5, 5, "y"), (7, 7, "x")],
        ),
        ([(3, "x"), (7, "x")], (7, "y"), Outcome.UPDATED, [(3, 3, "x"), (7, 7, "y")]),
        ([(3, "x"), (7, "x")], (3, "y"), Outcome.UPDATED, [(3, 3, "y"), (7, 7, "x")]),
        ([(1, "x"), (3, "y"), (5, "x")], (3, "x"), Outcome.UPDATED, [(1, 5, "x")]),
        ([(1, "x"), (3, "y")], (2, "y"), Outcome.CONFIRMED, [(1, 1, "x"), (2, 3, "y")]),
    ],
)
def test_where_a_record_falls_decides(
    stored: list[tuple[int, str]],
    record: tuple[int, str],
    outcome: Outcome,
    runs: list[tuple[int, int, str]],
) -> None:
    before = absorbed(Said(*said) for said in stored)
    assert absorb(before, to_run(Said(*record))) == outcome
    expected = [KnownRun(at(start), at(end), value, 0) for start, end, value in runs]
    assert as_known(before) == expected


def test_what_makes_no_version_is_the_newest_record_s_in_every_order() -> None:
    said = [Said(1, "x", 1), Said(2, "x", 2), Said(3, "x", 3)]
    for order in permutations(said):
        (run,) = absorbed(order)
        assert (run.as_of, run.confirmed_as_of, run.latest) == (at(1), at(3), (3,))


def test_a_replayed_dead_letter_never_wins_a_tie_and_still_fills_a_gap() -> None:
    runs = absorbed([Said(1, "x"), Said(5, "x", 7)])
    for minute in (1, 5):
        assert absorb(runs, to_run(Said(minute, "y")), wins_tie=False) == Outcome.UNCHANGED
    assert absorb(runs, to_run(Said(5, "x", 9)), wins_tie=False) == Outcome.UNCHANGED
    assert absorb(runs, to_run(Said(3, "y")), wins_tie=False) == Outcome.UPDATED
    assert as_known(runs) == [
        KnownRun(at(1), at(1), "x", 7),
        KnownRun(at(3), at(3), "y", 0),
        KnownRun(at(5), at(5), "x", 7),
    ]


def test_a_run_names_the_message_that_made_it() -> None:
    first, again, other = Said(1, "x"), Said(2, "x"), Said(3, "y")
    runs = absorbed([first, again, other])
    assert [run.origin for run in runs] == [(first,), (other,)]
