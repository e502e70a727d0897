"""A run's account: when a whole is due again, and what a part of it leaves remembered."""

import datetime as dt

import pytest

from services.fetcher.answer import Request
from services.fetcher.runs.ledger import Ledger, open_ledger
from services.fetcher.state.memory import Had
from tests.fetching import Numbers, Remembered

WHOLE = Request("https://example.org/history")
NOON = dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


async def ledger(states: Remembered) -> Ledger:
    return await open_ledger(Numbers(), states, None)


@pytest.mark.parametrize(
    ("whole_at", "due"),
    [(None, True), (NOON - HOUR, True), (NOON, False), (NOON + HOUR, False)],
    ids=["never", "before", "just then", "since"],
)
async def test_a_whole_is_due_until_it_was_had_since_the_event(
    whole_at: dt.datetime | None, due: bool
) -> None:
    states = Remembered()
    had = Had(url=WHOLE.url, asked_at=NOON + 2 * HOUR, whole_at=whole_at)
    await states.keep("numbers", {WHOLE.url: had})
    again = Request(WHOLE.url, unless_since=NOON)
    assert (await ledger(states)).as_due(again) == (again if due else None)


async def test_a_whole_that_was_never_had_is_due() -> None:
    again = Request(WHOLE.url, unless_since=NOON)
    assert (await ledger(Remembered())).as_due(again) is again


async def test_a_part_that_was_had_leaves_remembered_when_the_whole_was() -> None:
    states = Remembered()
    await (await ledger(states)).keep(
        WHOLE, Had(url=WHOLE.url, asked_at=NOON, whole_at=NOON, etag="1")
    )
    part = WHOLE.narrowed("https://example.org/history?since=yesterday")
    later = NOON + HOUR
    account = await ledger(states)
    assert account.last(part) is None
    await account.keep(part, Had(url=part.url, asked_at=later, whole_at=later))
    remembered = states.had["numbers"][WHOLE.url]
    assert (remembered.asked_at, remembered.whole_at) == (later, NOON)
    assert (await ledger(states)).last(WHOLE) is None


def test_several_pages_are_asked_for_without_conditions() -> None:
    had = Had(url="x", asked_at=NOON, etag='"1"', last_modified="y", digests=("a",))
    assert had.conditions == {"if-none-match": '"1"', "if-modified-since": "y"}
    assert had.model_copy(update={"digests": ("a", "b")}).conditions == {}
