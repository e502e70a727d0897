"""What FRED's answers have in common: lists and vintages; and the descriptions of series."""

from typing import Any

import pyarrow as pa

from services.fetcher.answer import Answer, Parsed, UnreadableAnswer
from services.fetcher.parsing.columns import (
    column_of,
    dates,
    ends_of_days,
    make_rows,
    new_columns,
    texts,
)
from services.fetcher.upstreams.fred.asking import release_noted
from services.fetcher.upstreams.fred.releases import moment_of
from shared.columns import UTC_MICROSECONDS
from shared.datasets.fred_series import DATASET as FRED_SERIES

REALTIME = ("realtime_start", "realtime_end")

_SOURCE = "fred"
_TEXT_FIELDS = ("title", "units", "units_short", "frequency", "seasonal_adjustment")
_SERIES_FIELDS = (
    *("id", *REALTIME, *_TEXT_FIELDS, "last_updated", "notes"),
    *("observation_start", "observation_end", "frequency_short", "seasonal_adjustment_short"),
    *("popularity", "group_popularity"),
)


def description(answer: Answer, document: dict[str, Any], warnings: list[str]) -> Parsed:
    """Return the descriptions of series, and as facts the release that the URL notes."""
    found = listed(document, "seriess")
    release = release_noted(answer.url)
    columns = {
        name: texts(column_of(found, name, "series"), name) for name in ("id", *_TEXT_FIELDS)
    }
    moments = [moment_of(text) for text in column_of(found, "last_updated", "series")]
    columns |= {
        "series_id": columns["id"],
        "release": texts([release[1] if release else None] * len(found), "release"),
        "last_updated": pa.array(moments, UTC_MICROSECONDS),
        "notes": texts([fields.get("notes") for fields in found], "notes"),
    }
    starts = texts(column_of(found, "realtime_start", "series"), "realtime_start")
    known = answer.known_at if single_moment(answer, document) else vintages(answer, starts)
    rows = make_rows(FRED_SERIES, columns, known, _SOURCE)
    if found:
        warnings += new_columns(found[0], _SERIES_FIELDS, "FRED's series")
    facts = {"release_id": release[0], "release": release[1]} if release else {}
    return Parsed([rows], warnings=warnings, facts=facts)


def listed(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return a list of an answer; raises UnreadableAnswer where there is none."""
    found = document.get(name)
    if not isinstance(found, list):
        raise UnreadableAnswer(f"{name!r} is missing: FRED's answers have changed")
    return found


def single_moment(answer: Answer, document: dict[str, Any]) -> bool:
    """Return whether all rows were known at one moment; otherwise each has its vintage."""
    bounds = {str(document.get(name)) for name in REALTIME}
    asked = {*REALTIME, "vintage_dates"} & answer.query.keys()
    return not asked and len(bounds) == 1 and document.get("output_type", 1) == 1


def vintages(answer: Answer, starts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return when rows were known, each at the end of the day of its vintage."""
    if isinstance(starts, pa.ChunkedArray):
        starts = starts.combine_chunks()
    return ends_of_days(dates(starts, "realtime_start"), answer.fetched_at)
