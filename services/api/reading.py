"""What a read asks for, parsed from the texts of its URL into the types of the dataset."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.api.cursor import read_cursor
from services.api.formats import FORMATS, Format, negotiate
from services.api.parameters import MAX_LIMIT, ORDERS, group
from services.api.problems import Problem, wrong_parameter
from services.api.values import read_as_of, read_bound, read_value, split_values
from services.api.view import View
from shared.dataset import Column, Dataset

_T = TypeVar("_T")
_Given = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows whose column is one of the values, or, an array, holds them all."""

    column: Column
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a view of one dataset.

    columns   of the answer, in its order
    start     inclusive bound of the time column, as `end`
    as_of     None: the current rows
    after     key of the row that the answer begins behind
    limit     rows of the answer at most; None: all
    """

    view: View
    columns: tuple[Column, ...]
    format: Format
    filters: tuple[Filter, ...] = ()
    start: dt.date | dt.datetime | None = None
    end: dt.date | dt.datetime | None = None
    as_of: dt.datetime | None = None
    descending: bool = False
    after: tuple[Any, ...] | None = None
    limit: int | None = None

    @property
    def dataset(self) -> Dataset:
        """The dataset whose rows are read."""
        return self.view.dataset

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns that rows are ordered by."""
        return self.view.key

    @property
    def identity(self) -> str:
        """Which rows in which order, as text: what a cursor is bound to."""
        filters = [[f.column.name, sorted(set(map(str, f.values)))] for f in self.filters]
        bounds = [str(self.start), str(self.end), str(self.as_of), self.descending]
        return json.dumps([self.dataset.name, list(self.view.order), sorted(filters), bounds])


def read_request(view: View, items: list[tuple[str, str]], accept: str) -> Read:
    """Return what a query string and an Accept header ask of a view.

    Raises Problem that names the parameter at fault: 422, or 406 for an Accept header that
    takes none of the formats.
    """
    given, dataset = group(view, items), view.dataset
    chosen = _format(given, accept)
    read = Read(
        view=view,
        columns=_columns(view, given),
        format=chosen,
        filters=tuple(
            _filter(dataset, name, given[name]) for name in view.filters if name in given
        ),
        start=_bound(dataset, given, "start"),
        end=_bound(dataset, given, "end"),
        as_of=_as_of(dataset, given),
        descending=_descending(view, given),
        limit=_one(given, "limit", _limit) or chosen.page_rows,
    )
    return replace(
        read, after=_one(given, "cursor", lambda text: read_cursor(read.identity, read.key, text))
    )


def _one(given: _Given, name: str, parse: Callable[[str], _T]) -> _T | None:
    """Return a parameter's value, None where it is not given; raises Problem that names it."""
    if name not in given:
        return None
    try:
        return parse(given[name][0])
    except ValueError as exc:
        raise wrong_parameter(name, str(exc)) from exc


def _format(given: _Given, accept: str) -> Format:
    if "format" in given:
        name = given["format"][0]
        if name not in FORMATS:
            raise wrong_parameter("format", f"unknown format {name!r}", allowed=FORMATS)
        return FORMATS[name]
    chosen = negotiate(accept)
    if chosen is None:
        types = [f.accepts[0] for f in FORMATS.values()]
        detail = f"none of the types in Accept is given here: {', '.join(types)}"
        raise Problem(406, "not-acceptable", detail, allowed=types)
    return chosen


def _columns(view: View, given: _Given) -> tuple[Column, ...]:
    if "fields" not in given:
        return view.columns
    dataset = view.dataset
    known = {column.name: column for column in dataset.stored}
    names = _one(given, "fields", lambda text: split_values([text])) or []
    for name in names:
        if name not in known:
            raise wrong_parameter("fields", f"{dataset.name} has no field {name!r}", allowed=known)
    if len(set(names)) < len(names):
        raise wrong_parameter("fields", "a field is named twice")
    return tuple(known[name] for name in names)


def _filter(dataset: Dataset, name: str, texts: list[str]) -> Filter:
    column = dataset.column(name)
    try:
        values = tuple(read_value(column.kind, text) for text in split_values(texts))
    except ValueError as exc:
        raise wrong_parameter(name, str(exc)) from exc
    return Filter(column, values)


def _bound(dataset: Dataset, given: _Given, name: str) -> dt.date | dt.datetime | None:
    if name in given and dataset.time is None:
        raise wrong_parameter(name, f"{dataset.name} has no time column to select on")
    if dataset.time is None:
        return None
    kind = dataset.column(dataset.time).kind
    return _one(given, name, lambda text: read_bound(kind, text, end=name == "end"))


def _as_of(dataset: Dataset, given: _Given) -> dt.datetime | None:
    if "as_of" in given and not dataset.versioned:
        raise wrong_parameter("as_of", f"{dataset.name} keeps no versions")
    return _one(given, "as_of", read_as_of)


def _descending(view: View, given: _Given) -> bool:
    order = _one(given, "order", _order)
    return view.newest_first if order is None else order == "desc"


def _order(text: str) -> str:
    if text not in ORDERS:
        raise ValueError(f"{text!r} is not one of {', '.join(ORDERS)}")
    return text


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise ValueError(
            f"{text[:20]!r} is not a whole number from 1 to {MAX_LIMIT:,}; other formats than "
            "json give all rows where no limit is given"
        )
    return int(text)
