"""FRED's releases: what one holds as a whole, when the next ones are, and which a series is of."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from services.fetcher.answer import Answer, Parsed, Request, UnreadableAnswer
from services.fetcher.parsing.columns import (
    column_of,
    dates,
    figures,
    make_rows,
    new_columns,
    texts,
)
from services.fetcher.parsing.listing import Listing
from shared.columns import UTC_MICROSECONDS
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.datasets.fred_series import DATASET as FRED_SERIES
from shared.record import Rows

_TEXT_FIELDS = ("title", "units", "frequency", "seasonal_adjustment")
_NEEDED = ("series_id", *_TEXT_FIELDS, "last_updated")
_SERIES_FIELDS = (
    *(*_NEEDED, "observations", "notes", "copyright_id", "release_id"),
    *("observation_start", "observation_end", "popularity"),
)


def bulk(answer: Answer, listing: Listing, watched: Iterable[str], source: str) -> Parsed:
    """Return a page of all series of a release: their values, and what those not watched are.

    A series that is watched is described by its own route, which says more. Values were known
    when FRED last updated their series, and never later than the fetch.
    """
    if not isinstance(listing.document.get("series"), list):
        raise UnreadableAnswer("'series' is missing: FRED's answers have changed")
    columns: dict[str, list[Any]] = {name: [] for name in (*_NEEDED, "notes")}
    observed: list[pa.Table] = []
    for piece in listing.pieces:
        first = len(columns["series_id"])
        for name in _NEEDED:
            columns[name] += column_of(piece, name, "a release's series")
        columns["notes"] += [series.get("notes") or None for series in piece]
        observed.append(_observed(column_of(piece, "observations", "a release's series"), first))
        if not first:
            listing.warnings.extend(_new_columns(piece))
    updated = [_moment(text, answer) for text in columns["last_updated"]]
    values = _values(columns["series_id"], pa.concat_tables(observed), updated, source)
    alone = [n for n, name in enumerate(columns["series_id"]) if name not in set(watched)]
    release = _release_name(listing.document)
    described = _described(columns, updated, alone, release, source)
    more = list(_next_page(answer, listing.document))
    return Parsed([values, described], warnings=listing.warnings, more=more)


def calendar(answer: Answer, document: dict[str, Any]) -> Parsed:
    """Return, as facts, which releases FRED names for which days."""
    found, count, offset = (document.get(n) for n in ("release_dates", "count", "offset"))
    if not isinstance(found, list) or not isinstance(count, int) or not isinstance(offset, int):
        raise UnreadableAnswer("'release_dates' is missing: FRED's answers have changed")
    days = column_of(found, "date", "release dates")
    releases = column_of(found, "release_id", "release dates")
    named: dict[str, set[str]] = {}
    for day, release in zip(days, releases, strict=True):
        named.setdefault(f"{day}+{offset}", set()).add(str(release))
    more = []
    if found and offset + len(found) < count:
        query = {**answer.query, "offset": str(offset + len(found))}
        more = [Request(f"{answer.url.partition('?')[0]}?{urlencode(query)}")]
    return Parsed(more=more, facts={day: ",".join(sorted(ids)) for day, ids in named.items()})


def named_for(facts: Mapping[str, str], day: dt.date) -> set[str]:
    """Return the releases that the facts of a calendar name for a day."""
    pages = (ids for key, ids in facts.items() if key.partition("+")[0] == day.isoformat())
    return {release for ids in pages for release in ids.split(",")}


def newest_update(document: dict[str, Any]) -> dt.datetime | None:
    """Return when the series of a release that was updated last was; None where there is none."""
    found = document.get("seriess")
    if not isinstance(found, list):
        raise UnreadableAnswer("'seriess' is missing: FRED's answers have changed")
    moments = [moment_of(text) for text in column_of(found, "last_updated", "a release's series")]
    return max((moment for moment in moments if moment is not None), default=None)


def release_of(document: dict[str, Any]) -> tuple[str, str] | None:
    """Return number and name of the release that a series is of; None where FRED names none."""
    found = document.get("releases")
    if not isinstance(found, list):
        raise UnreadableAnswer("'releases' is missing: FRED's answers have changed")
    numbers, names = (column_of(found, name, "releases") for name in ("id", "name"))
    return (str(numbers[0]), str(names[0])) if found else None


def moment_of(text: object) -> dt.datetime | None:
    """Return one of FRED's times; raises UnreadableAnswer where it names no zone or is none."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError as exc:
        raise UnreadableAnswer(f"'last_updated' is not a time: {text!r}") from exc
    if moment.tzinfo is None:
        raise UnreadableAnswer(f"'last_updated' names no zone: {text!r}")
    return moment


def _moment(text: object, answer: Answer) -> dt.datetime:
    found = moment_of(text)
    return min(found, answer.fetched_at) if found else answer.known_at


def _new_columns(piece: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return warnings of what is new in a series, and in an observation."""
    found = new_columns(piece[0] if piece else (), _SERIES_FIELDS, "a release's series")
    lists = [series["observations"] for series in piece]
    shown: Mapping[str, Any] = next((observations[0] for observations in lists if observations), {})
    return found + new_columns(shown, ("date", "value"), "a release's observations")


def _observed(lists: Sequence[Any], first: int) -> pa.Table:
    """Return the observations of some series, each with the number of the series it is of."""
    days: list[Any] = []
    values: list[Any] = []
    for found in lists:
        if not isinstance(found, list):
            raise UnreadableAnswer("'observations' is no list: FRED's answers have changed")
        days += column_of(found, "date", "observations")
        values += column_of(found, "value", "observations")
    said = texts(values, "value")
    missing = pc.is_in(said, pa.array([".", ""]))
    owners = [first + n for n, found in enumerate(lists) for _ in found]
    return pa.table(
        {
            "owner": pa.array(owners, pa.int64()),
            "date": dates(texts(days, "date"), "date"),
            "value": figures(pc.if_else(missing, pa.scalar(None, pa.string()), said), "value"),
        }
    )


def _values(
    series: Sequence[Any], observed: pa.Table, updated: Sequence[dt.datetime], source: str
) -> Rows:
    """Return the values of all series, each known when its series was updated."""
    owners = observed["owner"].combine_chunks()
    table = {
        "series_id": texts(series, "series_id").take(owners),
        "date": observed["date"].combine_chunks(),
        "value": observed["value"].combine_chunks(),
    }
    as_of = pa.chunked_array([pa.array(updated, UTC_MICROSECONDS).take(owners)])
    return make_rows(FRED_DATA, table, as_of, source)


def _described(
    columns: Mapping[str, list[Any]],
    updated: Sequence[dt.datetime],
    chosen: Sequence[int],
    release: str | None,
    source: str,
) -> Rows:
    """Return descriptions of some of the series."""
    picked = {name: [columns[name][n] for n in chosen] for name in ("series_id", *_TEXT_FIELDS)}
    moments = pa.array([updated[n] for n in chosen], UTC_MICROSECONDS)
    table = {name: texts(values, name) for name, values in picked.items()} | {
        "units_short": pa.nulls(len(chosen), pa.string()),
        "release": texts([release] * len(chosen), "release"),
        "last_updated": moments,
        "notes": texts([columns["notes"][n] for n in chosen], "notes"),
    }
    return make_rows(FRED_SERIES, table, pa.chunked_array([moments]), source)


def _release_name(document: dict[str, Any]) -> str | None:
    release = document.get("release")
    name = release.get("name") if isinstance(release, dict) else None
    return name if isinstance(name, str) else None


def _next_page(answer: Answer, document: dict[str, Any]) -> Iterator[Request]:
    if document.get("has_more") not in (True, "true"):
        return
    cursor = document.get("next_cursor")
    if not isinstance(cursor, str) or not cursor or cursor == answer.query.get("next_cursor"):
        raise UnreadableAnswer("there is more, and 'next_cursor' does not say where")
    query = {**answer.query, "next_cursor": cursor}
    yield Request(f"{answer.url.partition('?')[0]}?{urlencode(query)}")
