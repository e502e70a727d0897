"""FRED and ALFRED: observations of economic series, their vintages and what the series are."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import CONTINUES, Answer, Parsed, Request, query_of
from services.fetcher.parsing.columns import dates, figures, make_rows, repeated
from services.fetcher.parsing.listing import Listing, read_listing, text_columns
from services.fetcher.search import Search
from services.fetcher.source import Source
from services.fetcher.state.memory import Had, Memory
from services.fetcher.upstreams.fred.answers import (
    REALTIME,
    description,
    listed,
    single_moment,
    vintages,
)
from services.fetcher.upstreams.fred.api import refuse_error, secrets_of
from services.fetcher.upstreams.fred.asking import (
    BULK,
    OBSERVATIONS,
    RELEASE_DATES,
    RELEASE_SERIES,
    SERIES,
    SERIES_RELEASE,
    UPDATES,
    VINTAGE_DATES,
    bulk_url,
    described_url,
    key_of,
    keyed,
    known_release,
    newer_vintages,
    series_urls,
    updated,
    vintage_parts,
)
from services.fetcher.upstreams.fred.planning import next_look, worth_asking
from services.fetcher.upstreams.fred.releases import bulk, calendar, newest_update, release_of
from services.fetcher.upstreams.fred.search import FredSearch
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.datasets.fred_series import DATASET as FRED_SERIES
from shared.settings import Settings

_READ = ("1", "4")
_OBSERVATION_FIELDS = (*REALTIME, "date", "value")


class Fred(Source):
    """FRED's observations of economic series with their vintages, and the series' descriptions.

    Reads `fred/series/observations` (ordinary answers, all vintages or a range of them, initial
    releases), `fred/series`, and of the releases that the watchlist names as a whole
    `fred/v2/release/observations`, in JSON; needs FRED_API_KEY, free of charge. Other routes,
    and the tables with a column for each vintage (output_type 2 and 3), are not read.

    `fred/series/updates` says which of the watched series to ask for again; each is asked for
    once a month in any case. `fred/releases/dates` says on which days to look oftener, and at
    which releases. All vintages of a series are asked for in parts of 1,900, by the days that
    `fred/series/vintagedates` names, and later only the newer ones. Each part begins on the
    last day of the part before: what stood on that day was known, and is left out.

    A value of "." is published as null: FRED has none, or withdrew the one it had. A row that
    merely ends (its realtime_end lies in the past and nothing follows) is no withdrawal: FRED
    says a withdrawal with a ".", and a rolling window such as SP500's drops rows that stay true.

    What moment a value was known at:
    - Where vintages were asked for (a real-time period, vintage dates or initial releases), it
      is the end of the day realtime_start, UTC, and never later than the fetch. FRED cuts
      realtime_start to the first day asked for; such a day is no vintage, but the value stood
      on it. Published with that day it is a sighting: where the true vintage is stored too, it
      confirms it and makes no version; where it is not, nothing is claimed for any earlier day.
    - A release as a whole has no vintages: each series was known when FRED last updated it.
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
        """Ask for these series when they are updated, for some with their vintages."""
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
        if parts.path in (BULK, RELEASE_SERIES):
            return "release_id" in query
        if parts.path == RELEASE_DATES:
            return True
        if not query.get("series_id"):
            return False
        if query.get("file_type", "json") != "json" or query.get("output_type", "1") not in _READ:
            return False
        return parts.path in (OBSERVATIONS, SERIES, VINTAGE_DATES, SERIES_RELEASE)

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        key = secrets_of(settings)["api_key"]
        watched, vintages = _watched(watchlist)
        urls = [url for name in watched for url in series_urls(name, name in vintages, since)]
        urls += [bulk_url(release) for release in watchlist.names(self.name, "releases")]
        return [keyed(Request(url), key) for url in urls]

    def follow_up(self, request: Request, parent: Request) -> Request:
        return keyed(request, key_of(parent))

    def due_after(self, moment: dt.datetime, memory: Memory | None = None) -> dt.datetime:
        return next_look(moment, self.every, memory)

    def plan(self, requests: Sequence[Request], memory: Memory) -> Sequence[Request]:
        return worth_asking(requests, memory)

    def narrowed(self, request: Request, had: Had) -> Request:
        path, series = urlsplit(request.url).path, query_of(request.url).get("series_id", "")
        if path == SERIES_RELEASE:
            return known_release(request, series, had)
        return newer_vintages(request, series, had) if path == VINTAGE_DATES else request

    def parse(self, answer: Answer) -> Parsed:
        if answer.path == OBSERVATIONS:
            return _observations(answer, read_listing(answer, "observations"))
        listing = read_listing(answer, "series", nested=True)
        document, warnings = listing.document, listing.warnings
        refuse_error(answer, document)
        match answer.path.rpartition("/fred/")[2]:
            case "series":
                return description(answer, document, warnings)
            case "series/release":
                found = described_url(answer.query["series_id"], release_of(document))
                return Parsed(warnings=warnings, more=[Request(found)])
            case "series/vintagedates":
                return Parsed(warnings=warnings, more=list(vintage_parts(answer, document)))
            case "series/updates":
                return self._due(answer, document)
            case "releases/dates":
                return calendar(answer, document)
            case "release/series":
                return _release_due(answer, document)
            case _:
                return bulk(answer, listing, self._watched, self.name)

    def _due(self, answer: Answer, document: dict[str, Any]) -> Parsed:
        """Return what the updates of series make due."""
        due, more = updated(answer, document, self._watched)
        urls = [url for series in due for url in series_urls(series, series in self._vintages)]
        return Parsed(more=more, also=[Request(url) for url in urls])


def _release_due(answer: Answer, document: dict[str, Any]) -> Parsed:
    """Return the request for a whole release, due where it was updated since it was had."""
    newest = newest_update(document)
    whole = Request(bulk_url(answer.query["release_id"]), unless_since=newest)
    return Parsed(also=[whole] if newest else [])


def _watched(watchlist: Watchlist) -> tuple[list[str], tuple[str, ...]]:
    """Return the series that are watched, and those of them whose vintages are too."""
    vintages = watchlist.names(Fred.name, "vintages")
    return list(dict.fromkeys((*watchlist.names(Fred.name, Fred.watches), *vintages))), vintages


def _observations(answer: Answer, listing: Listing) -> Parsed:
    document = listing.document
    refuse_error(answer, document)
    listed(document, "observations")
    single = single_moment(answer, document)
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
    known = answer.known_at if single else vintages(answer, found["realtime_start"])
    rows = make_rows(FRED_DATA, columns, known, Fred.name)
    more = list(_next_page(answer, document, read.num_rows))
    return Parsed([rows], warnings=listing.warnings, more=more)


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


SOURCE = Fred()
