"""When sources are due, and how a failing one is left alone for longer and longer."""

import asyncio
import datetime as dt
from typing import ClassVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from services.fetcher.registry import discover
from services.fetcher.runs.run import RunSummary
from services.fetcher.schedule.cadence import At, Breaker, Every
from services.fetcher.schedule.keep_fresh import keep_fresh
from tests.fetching import Numbers
from tests.waiting import until

NEW_YORK = At("America/New_York", (dt.time(16, 30),), weekdays=frozenset(range(5)))
MOMENTS = st.integers(946_684_800, 2_500_000_000).map(
    lambda s: dt.datetime.fromtimestamp(s, dt.UTC)
)


@pytest.mark.parametrize(
    ("moment", "due"),
    [
        ("2024-07-01T12:00:00+00:00", "2024-07-01T20:30:00+00:00"),
        ("2024-07-01T20:30:00+00:00", "2024-07-02T20:30:00+00:00"),
        ("2024-12-02T12:00:00+00:00", "2024-12-02T21:30:00+00:00"),
        ("2024-07-05T21:00:00+00:00", "2024-07-08T20:30:00+00:00"),
    ],
    ids=["today", "exactly then", "in winter", "over the weekend"],
)
def test_after_the_close_on_the_exchanges_own_clock(moment: str, due: str) -> None:
    assert NEW_YORK.after(dt.datetime.fromisoformat(moment)) == dt.datetime.fromisoformat(due)


def test_days_of_the_month() -> None:
    monthly = At("UTC", (dt.time(9),), monthdays=frozenset({31}))
    asked = dt.datetime(2024, 1, 31, 9, tzinfo=dt.UTC)
    assert monthly.after(asked) == dt.datetime(2024, 3, 31, 9, tzinfo=dt.UTC)
    never = At("UTC", (dt.time(9),), monthdays=frozenset())
    with pytest.raises(ValueError, match="no day"):
        never.after(asked)


@given(MOMENTS, st.lists(st.times(), min_size=1, max_size=4, unique=True))
def test_the_next_time_is_later_and_one_of_those_given(
    moment: dt.datetime, times: list[dt.time]
) -> None:
    due = At("Europe/London", tuple(times)).after(moment)
    assert moment < due <= moment + dt.timedelta(days=2)
    local = due.astimezone(ZoneInfo("Europe/London"))
    skipped = local.hour == 2 and local.month == 3
    assert skipped or local.time().replace(fold=0) in times


# Seen from noon UTC of Sunday, 3 November 2024, when summer time ends in the US.
SUNDAY = dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC)
CADENCES = {
    "cboe": ["2024-11-04T14:00", "2024-11-04T22:00", "2024-11-05T01:30", "2024-11-05T14:00"],
    "cboe_options": ["2024-11-04T22:00", "2024-11-05T22:00", "2024-11-06T22:00"],
    "fred": ["2024-11-03T13:00", "2024-11-03T14:00"],
    "fredgraph": ["2024-11-04T15:00", "2024-11-04T22:30", "2024-11-05T15:00"],
    "gdelt": ["2024-11-03T12:15"],
    "google_news": ["2024-11-03T12:15"],
    "ici": ["2024-11-06T17:30", "2024-11-06T22:30", "2024-11-07T17:30", "2024-11-07T22:30"],
    "yahoo": ["2024-11-03T17:30", "2024-11-03T22:00", "2024-11-04T09:30"],
    "yahoo_news": ["2024-11-03T12:15"],
}


def test_when_every_source_is_due() -> None:
    found = {}
    for source in discover():
        moments = [SUNDAY]
        for _ in CADENCES.get(source.name, "x"):
            moments.append(source.due_after(moments[-1]))
        found[source.name] = [f"{moment:%Y-%m-%dT%H:%M}" for moment in moments[1:]]
    assert found == CADENCES


def test_a_cadence_says_what_it_is() -> None:
    said = {source.name: str(source.cadence) for source in discover() if source.cadence}
    assert said == {
        "cboe": "08:00, 16:00, 19:30 in Chicago on workdays but holidays",
        "cboe_options": "17:00 in New York on workdays but holidays",
        "fredgraph": "09:00, 16:30 in Chicago on workdays",
        "ici": "12:30, 17:30 in New York on Wed and Thu",
        "yahoo": "04:30, 12:30, 17:00 in New York",
    }


def test_nobody_asks_for_a_close_on_a_holiday() -> None:
    options = discover().find("cboe_options")
    assert options is not None
    thanksgiving_eve = dt.datetime(2024, 11, 27, 23, tzinfo=dt.UTC)
    friday = dt.datetime(2024, 11, 29, 22, tzinfo=dt.UTC)
    assert options.due_after(thanksgiving_eve) == friday


def test_a_dead_upstream_is_asked_more_and_more_rarely() -> None:
    breaker = Breaker()
    waits = []
    for _ in range(9):
        breaker.note(failed=True)
        waits.append(breaker.wait.total_seconds() / 60)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert breaker.is_open
    breaker.note(failed=False)
    assert not breaker.is_open


class Often(Numbers):
    """Numbers that are due again at once."""

    cadence: ClassVar[Every] = Every(dt.timedelta(milliseconds=1))


def summary(failed: bool) -> RunSummary:
    now = dt.datetime.now(dt.UTC)
    return RunSummary("numbers", "fred_data", "x", now, failures=["away"] * failed)


async def test_runs_that_had_nothing_become_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Breaker, "FIRST", dt.timedelta(milliseconds=1))
    probes: list[bool] = []
    stop = asyncio.Event()

    async def refresh(probing: bool) -> RunSummary:
        probes.append(probing)
        return summary(failed=len(probes) < 5)

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(keep_fresh(Often(), refresh, stop, asyncio.Event()))
        await until(lambda: len(probes) >= 6)
        stop.set()
    assert probes[:6] == [False, False, False, True, True, False]


@pytest.mark.parametrize(("hours", "runs"), [(0.5, 0), (1.5, 1)], ids=["fresh", "overdue"])
async def test_what_became_due_while_it_was_down_is_caught_up_with(hours: float, runs: int) -> None:
    """The source is due every hour."""
    begun: list[bool] = []
    stop = asyncio.Event()

    async def refresh(probing: bool) -> RunSummary:
        begun.append(probing)
        return summary(failed=False)

    due = Numbers().due_after(dt.datetime.now(dt.UTC) - dt.timedelta(hours=hours))
    with capture_logs() as lines:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(keep_fresh(Numbers(), refresh, stop, asyncio.Event(), due))
            await until(lambda: [x["event"] for x in lines].count("refresh_planned") == runs + 1)
            stop.set()
    assert len(begun) == runs


async def test_the_next_time_is_a_little_late_each_time_anew() -> None:
    class Hourly(Numbers):
        """Numbers that are worth asking once an hour."""

    planned: set[dt.datetime] = set()
    for _ in range(5):
        stop = asyncio.Event()

        async def refresh(_: bool) -> RunSummary:
            return summary(failed=False)

        began = dt.datetime.now(dt.UTC)
        with capture_logs() as lines:
            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                group.create_task(keep_fresh(Hourly(), refresh, stop, asyncio.Event()))
                await until(lambda: [x["event"] for x in lines].count("refresh_planned") == 2)
                stop.set()
        due = dt.datetime.fromisoformat(lines[-1]["at"])
        assert began + dt.timedelta(minutes=59) < due < began + dt.timedelta(minutes=67)
        planned.add(due)
    assert len(planned) > 1


async def test_an_upstream_that_wants_rest_gets_it_whatever_changes() -> None:
    begun: list[bool] = []
    stop, changed = asyncio.Event(), asyncio.Event()

    async def refresh(probing: bool) -> RunSummary:
        begun.append(probing)
        found = summary(failed=True)
        found.rest_until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        return found

    with capture_logs() as lines:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(keep_fresh(Often(), refresh, stop, changed))
            await until(lambda: [x["event"] for x in lines].count("refresh_planned") == 2)
            changed.set()
            for _ in range(20):
                await asyncio.sleep(0)
            stop.set()
    assert len(begun) == 1
