"""How FRED is asked: its URLs, a series' vintages in parts it bears, and what has been updated."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from services.fetcher.answer import CONTINUES, Answer, Request, UnreadableAnswer
from services.fetcher.memory import Had, Memory

API = "https://api.stlouisfed.org/fred/"
SERIES = "/fred/series"
OBSERVATIONS = "/fred/series/observations"
VINTAGE_DATES = "/fred/series/vintagedates"
UPDATES = "/fred/series/updates"

PAGE = 100_000
FIRST_DAY, LAST_DAY = "1776-07-04", "9999-12-31"
VINTAGES_A_CALL = 1_900
"""FRED answers 400 to more than 2,000."""

_DATES_PAGE = 10_000
_UPDATES_PAGE = 1_000
_UPDATES_BORNE = 20
"""Pages of updates after which asking for every series is cheaper."""
_UPDATES_KEPT = dt.timedelta(days=13)
"""FRED tells the updates of two weeks."""
_CHECKED_EVERY = dt.timedelta(days=30)
_OVERLAP = dt.timedelta(hours=2)
_CENTRAL = ZoneInfo("America/Chicago")


def url_of(route: str, **query: str) -> str:
    """Return the URL of one of FRED's routes, answered in JSON."""
    return f"{API}{route}?{urlencode({**query, 'file_type': 'json'})}"


def series_urls(series: str, vintages: bool, since: dt.date | None = None) -> list[str]:
    """Return what is asked for one series: its description, its vintages if wanted, its values.

    Vintages are always those of the whole series.
    """
    start = {"observation_start": since.isoformat()} if since else {}
    urls = [url_of("series", series_id=series)]
    if vintages:
        limit = str(_DATES_PAGE)
        urls.append(url_of("series/vintagedates", series_id=series, limit=limit))
    urls.append(url_of("series/observations", series_id=series, limit=str(PAGE), **start))
    return urls


def vintages_url(series: str, first: str, last: str) -> str:
    """Return the URL of the vintages of a series from one day to another.

    Unless it is the first of all days, every value that stood on the first day is taken for
    known: the answer repeats it with that day as its vintage, which it need not be.
    """
    period = {"realtime_start": first, "realtime_end": last}
    url = url_of("series/observations", series_id=series, limit=str(PAGE), **period)
    return url if first == FIRST_DAY else f"{url}#{CONTINUES}"


def newer_vintages(request: Request, series: str, had: Had) -> Request:
    """Return the request for a series' vintages since they were had, less a week."""
    first = (had.asked_at - dt.timedelta(days=7)).date().isoformat()
    return request.narrowed(vintages_url(series, first, LAST_DAY))


def vintage_parts(answer: Answer, document: dict[str, Any]) -> Iterator[Request]:
    """Yield the requests that together ask for every vintage whose date an answer names.

    Each part begins on the last day of the part before it, so that no vintage is missed, and
    what stands on that day is not taken twice.
    """
    days, count, offset = (document.get(n) for n in ("vintage_dates", "count", "offset"))
    if not isinstance(days, list) or not isinstance(count, int) or not isinstance(offset, int):
        raise UnreadableAnswer("'vintage_dates' is missing: FRED's answers have changed")
    series = answer.query["series_id"]
    more_days = bool(days) and offset + len(days) < count
    ends = [*days[VINTAGES_A_CALL - 1 : -1 : VINTAGES_A_CALL], days[-1] if more_days else LAST_DAY]
    first = FIRST_DAY if offset == 0 else str(days[0]) if days else LAST_DAY
    for end in ends if days else ():
        yield Request(vintages_url(series, first, str(end)))
        first = str(end)
    if more_days:
        # The next page begins with the day that this one ends with.
        query = {**answer.query, "offset": str(offset + len(days) - 1)}
        if len(days) < 2:
            raise UnreadableAnswer("a page with a single vintage date cannot be gone on from")
        yield Request(f"{answer.url.partition('?')[0]}?{urlencode(query)}")


def worth_asking(requests: Sequence[Request], memory: Memory) -> list[Request]:
    """Return what was never had, or long ago, and the question what of the rest was updated.

    All of the requests where too much time has passed since the last run that had everything.
    """
    since = memory.complete_at
    if since is None or memory.now - since > _UPDATES_KEPT or not requests:
        return list(requests)
    due = [request for request in requests if not _recent(memory.had.get(request.name), memory)]
    if len(due) == len(requests):
        return due
    # In Central time, as FRED's clock says; wide enough for whoever counts in UTC.
    query = {
        "start_time": f"{(since - _OVERLAP).astimezone(_CENTRAL):%Y%m%d%H%M}",
        "end_time": f"{memory.now + dt.timedelta(days=1):%Y%m%d%H%M}",
        "limit": str(_UPDATES_PAGE),
    }
    url = url_of("series/updates", **query)
    return [*due, Request(url, requests[0].headers, requests[0].secrets, known_as="updates")]


def updated(
    answer: Answer, document: dict[str, Any], watched: Iterable[str]
) -> tuple[list[str], list[Request]]:
    """Return which of the watched series an answer calls updated, and the request to go on with.

    All of them where there are too many pages to read.
    """
    found, count, offset = (document.get(n) for n in ("seriess", "count", "offset"))
    if not isinstance(found, list) or not isinstance(count, int) or not isinstance(offset, int):
        raise UnreadableAnswer("'seriess' is missing: FRED's answers have changed")
    if count > _UPDATES_BORNE * _UPDATES_PAGE:
        return list(watched), []
    ids = {str(series.get("id")) for series in found}
    following = []
    if found and offset + len(found) < count:
        query = {**answer.query, "offset": str(offset + len(found))}
        following = [Request(f"{answer.url.partition('?')[0]}?{urlencode(query)}")]
    return [series for series in watched if series in ids], following


def _recent(had: Had | None, memory: Memory) -> bool:
    return had is not None and memory.now - had.asked_at < _CHECKED_EVERY
