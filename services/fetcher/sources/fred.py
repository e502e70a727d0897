"""FRED and ALFRED: observations of economic series, their vintages and what the series are."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import (
    CONTINUES,
    Answer,
    Parsed,
    Request,
    UnreadableAnswer,
    UpstreamError,
    query_of,
)
from services.fetcher.body import data_of
from services.fetcher.columns import (
    column_of,
    dates,
    ends_of_days,
    figures,
    make_rows,
    new_columns,
    repeated,
    texts,
)
from services.fetcher.fred_asking import (
    OBSERVATIONS,
    SERIES,
    UPDATES,
    VINTAGE_DATES,
    newer_vintages,
    series_urls,
    updated,
    vintage_parts,
    worth_asking,
)
from services.fetcher.listing import Listing, read_listing, text_columns
from services.fetcher.fred_search import FredSearch
from services.fetcher.memory import Had, Memory
from services.fetcher.search import Search
from services.fetcher.source import Source
from services.fetcher.watchlist import Watchlist
from shared.columns import UTC_MICROSECONDS
from shared.dataset import Dataset
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.datasets.fred_series import DATASET as FRED_SERIES
from shared.errors import ConfigError
from shared.settings import Settings

_READ = ("1", "4")
_REALTIME = ("realtime_start", "realtime_end")
_OBSERVATION_FIELDS = (*_REALTIME, "date", "value")
_TEXT_FIELDS = ("title", "units", "units_short", "frequency", "seasonal_adjustment")
_SERIES_FIELDS = (
    *("id", *_REALTIME, *_TEXT_FIELDS, "last_updated", "notes"),
    *("observation_start", "observation_end", "frequency_short", "seasonal_adjustment_short"),
    *("popularity", "group_popularity"),
)


class Fred(Source):
    """FRED's observations of economic series with their vintages, and the series' descriptions.

    Reads `fred/series/observations` (ordinary answers, all vintages or a range of them, initial
    releases) and `fred/series`, in JSON; needs FRED_API_KEY, free of charge. Other routes, and
    the tables with a column for each vintage (output_type 2 and 3), are not read.

    `fred/series/updates` says which of the watched series to ask for again; each is asked for
    once a month in any case. All vintages of a series are asked for in parts of 1,900, by the
    days that `fred/series/vintagedates` names, and later only the newer ones. Each part begins
    on the last day of the part before: what stood on that day was known, and is left out.

    A value of "." is published as null: FRED has none, or withdrew the one it had. A row that
    merely ends (its realtime_end lies in the past and nothing follows) is no withdrawal: FRED
    says a withdrawal with a ".", and a rolling window such as SP500's drops rows that stay true.

    What moment a value was known at:
    - Where vintages were asked for (a real-time period, vintage dates or initial releases), it
      is the end of the day realtime_start, UTC, and never later than the fetch. FRED cuts
      realtime_start to the first day asked for; such a day is no vintage, but the value stood
      on it. Published with that day it is a sighting: where the true vintage is stored too, it
      confirms it and makes no version; where it is not, nothing is claimed for any earlier day.
    - An ordinary answer has no vintage (its realtime_start is the day of asking, or older where
      FRED answers from its cache): Last-Modified, else the time of fetching.

    Figures that FRED transformed on request (units other than lin, a frequency) are not the
    series' own; they are counted as skipped.
    """

    name: ClassVar[str] = "fred"
    hosts: ClassVar[tuple[str, ...]] = ("api.stlouisfed.org",)
    datasets: ClassVar[tuple[Dataset, ...]] = (FRED_DATA, FRED_SERIES)
    watches: ClassVar[str] = "series"
    per_second: ClassVar[float] = 2.0
    every: ClassVar[dt.timedelta] = dt.timedelta(hours=1)
    search: ClassVar[Search | None] = FredSearch()

    def __init__(self, watched: Sequence[str] = (), vintages: Sequence[str] = ()) -> None:
        """Ask for these series when they are updated, and for the vintages of some."""
        self._watched = watched
        self._vintages = vintages

    def configured(self, watchlist: Watchlist) -> "Fred":
        return Fred(*_watched(watchlist))

    def matches(self, url: str) -> bool:
        parts, query = urlsplit(url), query_of(url)
        if parts.hostname not in self.hosts:
            return False
        if parts.path == UPDATES:
            return "start_time" in query
        if not query.get("series_id"):
            return False
        if query.get("file_type", "json") != "json" or query.get("output_type", "1") not in _READ:
            return False
        return parts.path in (OBSERVATIONS, SERIES, VINTAGE_DATES)

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        if settings.fred_api_key is None:
            raise ConfigError(
                "FRED needs a key: set FRED_API_KEY to yours, free of charge at "
                "https://fred.stlouisfed.org/docs/api/api_key.html"
            )
        secrets = {"api_key": settings.fred_api_key}
        watched, vintages = _watched(watchlist)
        return [
            Request(url, secrets=secrets)
            for series in watched
            for url in series_urls(series, series in vintages, since)
        ]

    def plan(self, requests: Sequence[Request], memory: Memory) -> Sequence[Request]:
        return worth_asking(requests, memory)

    def narrowed(self, request: Request, had: Had) -> Request:
        if urlsplit(request.url).path != VINTAGE_DATES:
            return request
        return newer_vintages(request, query_of(request.url)["series_id"], had)

    def parse(self, answer: Answer) -> Parsed:
        listing = read_listing(answer, "observations")
        document, warnings = listing.document, listing.warnings
        if "error_code" in document or "error_message" in document:
            raise UpstreamError(
                f"FRED answered {document.get('error_code', answer.status)}: "
                f"{document.get('error_message', 'without a reason')}"
            )
        data_of(answer)
        if answer.path == UPDATES:
            return self._due(answer, document)
        if answer.path == VINTAGE_DATES:
            return Parsed(warnings=warnings, more=list(vintage_parts(answer, document)))
        if answer.path == SERIES:
            return _series(answer, document, warnings)
        return _observations(answer, listing)

    def _due(self, answer: Answer, document: dict[str, Any]) -> Parsed:
        """Return what the updates of series make due."""
        due, more = updated(answer, document, self._watched)
        urls = [url for series in due for url in series_urls(series, series in self._vintages)]
        return Parsed(more=more, also=[Request(url) for url in urls])


def _watched(watchlist: Watchlist) -> tuple[list[str], tuple[str, ...]]:
    """Return the series that are watched, and those of them whose vintages are too."""
    vintages = watchlist.names(Fred.name, "vintages")
    return list(dict.fromkeys((*watchlist.names(Fred.name, Fred.watches), *vintages))), vintages


def _observations(answer: Answer, listing: Listing) -> Parsed:
    document = listing.document
    _listed(document, "observations")
    single = _single_moment(answer, document)
    names = ("date", "value") if single else ("date", "value", "realtime_start")
    read = text_columns(listing, names, _OBSERVATION_FIELDS, "FRED's observations")
    transformed = _transformation(answer.query, document)
    if transformed:
        return Parsed(skipped={f"transformed by FRED ({transformed})": read.num_rows})
    found = _beyond_the_known(answer, read)
    values = found["value"].combine_chunks()
    missing = pc.is_in(values, pa.array([".", ""]))
    columns = {
        "series_id": repeated(answer.query["series_id"], len(values), "series_id"),
        "date": dates(found["date"].combine_chunks(), "date"),
        "value": figures(pc.if_else(missing, pa.scalar(None, pa.string()), values), "value"),
    }
    known = answer.known_at if single else _vintages(answer, found["realtime_start"])
    rows = make_rows(FRED_DATA, columns, known, Fred.name)
    more = list(_next_page(answer, document, read.num_rows))
    return Parsed([rows], warnings=listing.warnings, more=more)


def _series(answer: Answer, document: dict[str, Any], warnings: list[str]) -> Parsed:
    found = _listed(document, "seriess")
    columns = {
        name: texts(column_of(found, name, "series"), name) for name in ("id", *_TEXT_FIELDS)
    }
    updated = column_of(found, "last_updated", "series")
    columns |= {
        "series_id": columns["id"],
        "release": pa.nulls(len(found), pa.string()),
        "last_updated": pa.array([_moment(text) for text in updated], UTC_MICROSECONDS),
        "notes": texts([fields.get("notes") for fields in found], "notes"),
    }
    starts = texts(column_of(found, "realtime_start", "series"), "realtime_start")
    single = _single_moment(answer, document)
    known = answer.known_at if single else _vintages(answer, starts)
    rows = make_rows(FRED_SERIES, columns, known, Fred.name)
    if found:
        warnings += new_columns(found[0], _SERIES_FIELDS, "FRED's series")
    return Parsed([rows], warnings=warnings)


def _listed(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list):
        raise UnreadableAnswer(f"{name!r} is missing: FRED's answers have changed")
    return found


def _single_moment(answer: Answer, document: dict[str, Any]) -> bool:
    """Return whether all rows were known at one moment; otherwise each has its vintage."""
    bounds = {str(document.get(name)) for name in _REALTIME}
    asked = {*_REALTIME, "vintage_dates"} & answer.query.keys()
    return not asked and len(bounds) == 1 and document.get("output_type", 1) == 1


def _vintages(answer: Answer, starts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return when rows were known, each at the end of the day of its vintage."""
    if isinstance(starts, pa.ChunkedArray):
        starts = starts.combine_chunks()
    if starts.null_count:
        raise UnreadableAnswer(f"'realtime_start' is missing in {starts.null_count} rows")
    return ends_of_days(dates(starts, "realtime_start"), answer.fetched_at)


def _transformation(query: dict[str, str], document: dict[str, Any]) -> str:
    units = query.get("units") or str(document.get("units") or "lin")
    changes = [] if units == "lin" else [f"units={units}"]
    return ", ".join([*changes, *(f"{n}={query[n]}" for n in ("frequency",) if query.get(n))])


def _beyond_the_known(answer: Answer, found: pa.Table) -> pa.Table:
    """Return the observations but those that stood on the first day asked, if these are known."""
    if urlsplit(answer.url).fragment != CONTINUES:
        return found
    news = pc.not_equal(found["realtime_start"], answer.query["realtime_start"])
    return found.filter(pc.fill_null(news, True))


def _next_page(answer: Answer, document: dict[str, Any], length: int) -> Iterator[Request]:
    """Yield the request for the observations after these, where there are any."""
    count, offset = document.get("count"), document.get("offset")
    if not (isinstance(count, int) and isinstance(offset, int)) or not length:
        return
    if offset + length < count:
        base = answer.url.partition("?")[0]
        note = urlsplit(answer.url).fragment
        query = urlencode({**answer.query, "offset": str(offset + length)})
        yield Request(f"{base}?{query}{'#' * bool(note)}{note}")


def _moment(text: object) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError as exc:
        raise UnreadableAnswer(f"'last_updated' is not a time: {text!r}") from exc
    if moment.tzinfo is None:
        raise UnreadableAnswer(f"'last_updated' names no zone: {text!r}")
    return moment


SOURCE = Fred()
