"""How FRED is asked: its URLs and its key, and a series' vintages in parts that it bears."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from pydantic import SecretStr

from services.fetcher.answer import CONTINUES, RELEASE, Answer, Request, UnreadableAnswer
from services.fetcher.state.memory import Had

API = "https://api.stlouisfed.org/fred/"
SERIES = "/fred/series"
OBSERVATIONS = "/fred/series/observations"
VINTAGE_DATES = "/fred/series/vintagedates"
UPDATES = "/fred/series/updates"
SERIES_RELEASE = "/fred/series/release"
RELEASE_SERIES = "/fred/release/series"
RELEASE_DATES = "/fred/releases/dates"
BULK = "/fred/v2/release/observations"

PAGE = 100_000
"""Observations an answer: the most that the first version of the API gives. The second gives
half a million, which would be as many as ten times the memory."""
FIRST_DAY, LAST_DAY = "1776-07-04", "9999-12-31"
VINTAGES_A_CALL = 1_900
"""FRED answers 400 to more than 2,000."""

UPDATES_PAGE = 1_000
_DATES_PAGE = 10_000
_UPDATES_BORNE = 20
"""Pages of updates after which asking for every series is cheaper."""
_RELEASE_KNOWN = dt.timedelta(days=90)
"""How long a series is taken to be of the release that it was of."""
_BEARER = "Bearer "


def url_of(route: str, **query: str) -> str:
    """Return the URL of one of FRED's routes, answered in JSON."""
    return f"{API}{route}?{urlencode({**query, 'file_type': 'json'})}"


def series_urls(series: str, vintages: bool, since: dt.date | None = None) -> list[str]:
    """Return what is asked for one series: its description, its vintages if wanted, its values.

    Which release it is of makes the description due. Vintages are always those of the whole
    series.
    """
    start = {"observation_start": since.isoformat()} if since else {}
    urls = [url_of("series/release", series_id=series)]
    if vintages:
        limit = str(_DATES_PAGE)
        urls.append(url_of("series/vintagedates", series_id=series, limit=limit))
    urls.append(url_of("series/observations", series_id=series, limit=str(PAGE), **start))
    return urls


def described_url(series: str, release: tuple[str, str] | None) -> str:
    """Return the URL of a series' description, with a note of its release: number and name."""
    note = f"#{RELEASE}{quote(':'.join(release), safe='')}" if release else ""
    return f"{url_of('series', series_id=series)}{note}"


def release_noted(url: str) -> tuple[str, str] | None:
    """Return number and name of the release that a description's URL notes."""
    note = urlsplit(url).fragment
    if not note.startswith(RELEASE):
        return None
    number, _, name = unquote(note.removeprefix(RELEASE)).partition(":")
    return number, name


def bulk_url(release: str) -> str:
    """Return the URL of all series of a release with their values."""
    query = {"release_id": release, "format": "json", "limit": str(PAGE)}
    return f"{API}v2/release/observations?{urlencode(query)}"


def keyed(request: Request, key: SecretStr) -> Request:
    """Return a request with the key where its route wants it: in a header, or in the query."""
    if urlsplit(request.url).path == BULK:
        bearer = SecretStr(f"{_BEARER}{key.get_secret_value()}")
        return replace(request, secrets={}, credentials={"authorization": bearer})
    return replace(request, secrets={"api_key": key}, credentials={})


def key_of(request: Request) -> SecretStr:
    """Return the key that a request carries."""
    held = [*request.secrets.values(), *request.credentials.values()]
    return SecretStr(held[0].get_secret_value().removeprefix(_BEARER))


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


def known_release(request: Request, series: str, had: Had) -> Request:
    """Return the request for a series' description alone, where its release is known lately."""
    known = had.facts.get("release_id"), had.facts.get("release")
    lately = had.whole_at is not None and had.asked_at - had.whole_at < _RELEASE_KNOWN
    if not lately or known[0] is None or known[1] is None:
        return request
    return request.narrowed(described_url(series, (known[0], known[1])))


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


def updated(
    answer: Answer, document: dict[str, Any], watched: Iterable[str]
) -> tuple[list[str], list[Request]]:
    """Return which of the watched series an answer calls updated, and the request to go on with.

    All of them where there are too many pages to read.
    """
    found, count, offset = (document.get(n) for n in ("seriess", "count", "offset"))
    if not isinstance(found, list) or not isinstance(count, int) or not isinstance(offset, int):
        raise UnreadableAnswer("'seriess' is missing: FRED's answers have changed")
    if count > _UPDATES_BORNE * UPDATES_PAGE:
        return list(watched), []
    ids = {str(series.get("id")) for series in found}
    following = []
    if found and offset + len(found) < count:
        query = {**answer.query, "offset": str(offset + len(found))}
        following = [Request(f"{answer.url.partition('?')[0]}?{urlencode(query)}")]
    return [series for series in watched if series in ids], following
