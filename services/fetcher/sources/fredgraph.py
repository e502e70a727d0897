"""FRED's graph downloads: observations of series as CSV, where there is no key for FRED."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import (
    Answer,
    Parsed,
    RefusedError,
    Request,
    UnknownNameError,
    UnreadableAnswer,
    query_of,
)
from services.fetcher.parsing.body import data_of
from services.fetcher.parsing.columns import dates, figures, make_rows, new_columns, repeated
from services.fetcher.parsing.csv_columns import read_texts
from services.fetcher.schedule.cadence import WORKDAYS, At, Cadence
from services.fetcher.source import Source
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.record import Rows
from shared.settings import Settings

_GRAPH = "https://fred.stlouisfed.org/graph/fredgraph.csv"
_PATH = "/graph/fredgraph.csv"
_DAYS = ("DATE", "observation_date")
_CHANGING = ("transformation", "fq", "fam", "units", "cosd", "vintage_date")


class FredGraph(Source):
    """FRED's observations from its graph downloads, which need no key where they still answer.

    Fetches the series under [fred] in the watchlist, and is used only while FRED_API_KEY is
    unset: with a key the source `fred` has the same series, their vintages and descriptions.
    FRED has answered 403 here more and more since 2026; a key, free of charge, is the way then.

    Reads `graph/fredgraph.csv?id=A,B`, whose first column is DATE in old files and
    observation_date in new ones. A missing value, "." or empty, is published as null where the
    file is of one series. Among several, whose dates are thrown together, it is no observation:
    not published, and counted. A file has no vintages: all was known at its Last-Modified, else
    at the time of fetching. A row that is gone is no withdrawal: SP500 shows its last ten years.
    """

    name: ClassVar[str] = "fredgraph"
    hosts: ClassVar[tuple[str, ...]] = ("fred.stlouisfed.org",)
    datasets: ClassVar[tuple[Dataset, ...]] = (FRED_DATA,)
    watches: ClassVar[str] = "series"
    per_second: ClassVar[float] = 1.0
    cadence: ClassVar[Cadence] = At("America/Chicago", (dt.time(9), dt.time(16, 30)), WORKDAYS)

    def matches(self, url: str) -> bool:
        parts, query = urlsplit(url), query_of(url)
        if parts.hostname not in self.hosts or parts.path != _PATH:
            return False
        return bool(query.get("id")) and not any(query.get(name) for name in _CHANGING)

    def needed(self, settings: Settings) -> bool:
        return settings.fred_api_key is None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        series = watchlist.names("fred", self.watches)
        # One a file, so that a missing value is known to be one.
        return [Request(f"{_GRAPH}?{urlencode({'id': name})}") for name in series]

    def parse(self, answer: Answer) -> Parsed:
        if answer.status == 403:
            raise RefusedError(
                "FRED gives no graph data without a key (HTTP 403): set FRED_API_KEY to yours, "
                "free of charge at https://fred.stlouisfed.org/docs/api/api_key.html"
            )
        if answer.status == 404:
            raise UnknownNameError(f"series {answer.query['id']} does not exist (HTTP 404)")
        table = _read(data_of(answer), answer.query["id"])
        asked, shown = answer.query["id"].split(","), table.column_names[1:]
        if vanished := [series for series in asked if series not in shown]:
            raise UnreadableAnswer(
                f"the column {', '.join(vanished)[:200]} has vanished: the columns are "
                f"{','.join(shown)[:200]}"
            )
        days = dates(table[table.column_names[0]].combine_chunks(), table.column_names[0])
        found, skipped = [], 0
        for series in asked:
            values = figures(table[series].combine_chunks(), series)
            keep = values.is_valid() if len(shown) > 1 else None
            found.append(_rows(answer, series, days, values, keep))
            skipped += len(values) - found[-1].table.num_rows
        reason = "no value among several series"
        warnings = new_columns(shown, asked, "FRED's graph data")
        return Parsed(found, {reason: skipped} if skipped else {}, warnings)


def _rows(
    answer: Answer, series: str, days: pa.Array, values: pa.Array, keep: pa.Array | None
) -> Rows:
    """Return the rows of one series, all or those to keep."""
    if keep is not None:
        days, values = days.filter(keep), values.filter(keep)
    columns = {
        "series_id": repeated(series, len(days), "id"),
        "date": days,
        "value": values,
    }
    return make_rows(FRED_DATA, columns, answer.known_at, FredGraph.name)


def _read(body: bytes, series: str) -> pa.Table:
    """Return the CSV's columns as texts, missing ones null."""
    line, _, lines = body.partition(b"\n")
    names = line.decode(errors="replace").strip().replace('"', "").split(",")
    if names[0] not in _DAYS or len(names) < 2 or len(set(names)) < len(names):
        raise UnreadableAnswer(
            f"the header is not DATE or observation_date and {series[:200]}, "
            f"but {','.join(names)[:200]!r}"
        )
    if not lines:
        raise UnreadableAnswer("there is a header and no observation: truncated")
    table = read_texts(lines, names, names, nulls=("", "."))
    if not pc.all(table[names[0]].is_valid(), min_count=0).as_py():
        raise UnreadableAnswer(f"{names[0]!r} is empty in a row")
    return table


SOURCE = FredGraph()
