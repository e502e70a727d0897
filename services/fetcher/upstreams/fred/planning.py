"""What of FRED is worth asking in a run, and when the next run is: by its updates and calendar."""

import datetime as dt
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from services.fetcher.answer import Request, query_of
from services.fetcher.state.memory import Had, Memory
from services.fetcher.upstreams.fred.asking import BULK, UPDATES_PAGE, key_of, keyed, url_of
from services.fetcher.upstreams.fred.releases import named_for

CALENDAR = "releases/dates"
"""The name under which the calendar of releases is remembered."""

_UPDATES_KEPT = dt.timedelta(days=13)
"""FRED tells the updates of two weeks."""
_OVERLAP = dt.timedelta(hours=2)
_CHECKED_EVERY = dt.timedelta(days=30)
_CALENDAR_EVERY = dt.timedelta(hours=20)
_CALENDAR_DAYS = 7
_RELEASE_EVERY = dt.timedelta(hours=24)
"""How often a release is looked at that FRED names for no day: what it held may be revised."""
_ON_RELEASE_DAYS = dt.timedelta(minutes=10)
_HOURS = range(6, 18)
"""In Central time, between which FRED's releases come out."""
_CENTRAL = ZoneInfo("America/Chicago")


def worth_asking(requests: Sequence[Request], memory: Memory) -> list[Request]:
    """Return what was never had, or long ago, and the questions what of the rest is new.

    All of the requests where too much time has passed since the last run that had everything.
    """
    if not requests:
        return []
    key = key_of(requests[0])
    due = list(_overdue(requests, memory))
    rest = [request for request in requests if request not in due]
    asked = [*due, *_about_series(rest, memory), *_about_releases(rest, memory)]
    calendar = memory.had.get(CALENDAR)
    if calendar is None or memory.now - calendar.asked_at > _CALENDAR_EVERY:
        asked.append(_calendar(memory.now))
    return [keyed(request, key) for request in asked]


def next_look(moment: dt.datetime, every: dt.timedelta, memory: Memory | None) -> dt.datetime:
    """Return when to ask again: oftener while something watched is to be released that day."""
    soon = (moment + _ON_RELEASE_DAYS).astimezone(_CENTRAL)
    if memory is None or soon.hour not in _HOURS or not _named(memory, soon.date()):
        return moment + every
    return moment + _ON_RELEASE_DAYS


def _overdue(requests: Sequence[Request], memory: Memory) -> Iterator[Request]:
    since = memory.complete_at
    forgotten = since is None or memory.now - since > _UPDATES_KEPT
    for request in requests:
        had = memory.had.get(request.name)
        if forgotten or had is None or memory.now - had.asked_at >= _CHECKED_EVERY:
            yield request


def _about_series(requests: Sequence[Request], memory: Memory) -> Iterator[Request]:
    """Yield the question which series were updated since the last run that had everything."""
    since = memory.complete_at
    if since is None or all(_release(request) for request in requests):
        return
    # In Central time, as FRED's clock says; wide enough for whoever counts in UTC.
    query = {
        "start_time": f"{(since - _OVERLAP).astimezone(_CENTRAL):%Y%m%d%H%M}",
        "end_time": f"{memory.now + dt.timedelta(days=1):%Y%m%d%H%M}",
        "limit": str(UPDATES_PAGE),
    }
    yield Request(url_of("series/updates", **query), known_as="updates")


def _about_releases(requests: Sequence[Request], memory: Memory) -> Iterator[Request]:
    """Yield, for each release watched as a whole, the question when it was updated last.

    On days that FRED names for it this is asked in every run, else once a day.
    """
    for release in filter(None, map(_release, requests)):
        name = f"release {release}"
        had = memory.had.get(name)
        if had is not None and not _may_be_news(release, had, memory):
            continue
        query = {"release_id": release, "order_by": "last_updated", "sort_order": "desc"}
        yield Request(url_of("release/series", **query, limit="1"), known_as=name)


def _may_be_news(release: str, had: Had, memory: Memory) -> bool:
    if memory.now - had.asked_at >= _RELEASE_EVERY:
        return True
    calendar = memory.had.get(CALENDAR)
    days = {moment.astimezone(_CENTRAL).date() for moment in (had.asked_at, memory.now)}
    return calendar is not None and any(release in named_for(calendar.facts, d) for d in days)


def _calendar(now: dt.datetime) -> Request:
    today = now.astimezone(_CENTRAL).date()
    query = {
        "realtime_start": today.isoformat(),
        "realtime_end": (today + dt.timedelta(days=_CALENDAR_DAYS)).isoformat(),
        "include_release_dates_with_no_data": "true",
        "sort_order": "asc",
        "limit": "1000",
    }
    return Request(url_of("releases/dates", **query), known_as=CALENDAR)


def _named(memory: Memory, day: dt.date) -> set[str]:
    """Return those releases of the calendar's for a day that are watched, or a series of them."""
    calendar = memory.had.get(CALENDAR)
    if calendar is None:
        return set()
    watched = {had.facts["release_id"] for had in memory.had.values() if "release_id" in had.facts}
    watched |= {name.partition(" ")[2] for name in memory.had if name.startswith("release ")}
    return named_for(calendar.facts, day) & watched


def _release(request: Request) -> str | None:
    """Return the release that a request asks for as a whole; None for any other request."""
    return query_of(request.url)["release_id"] if urlsplit(request.url).path == BULK else None
