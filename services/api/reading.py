"""Parses the texts of a URL into what a read asks for."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from services.api.cursor import read_cursor
from services.api.formats import FORMATS, Format, negotiate
from services.api.parameters import MAX_LIMIT, Given, Order, group
from services.api.problems import Problem, wrong_parameter
from services.api.read import Filter, Mode, Read, Release
from services.api.values import read_as_of, read_bound, read_flag, read_value, split_values
from services.api.versions import check_versions, spans, wide_value
from services.api.view import View
from shared.dataset import Column, Dataset

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


def read_request(view: View, items: list[tuple[str, str]], accept: str) -> Read:
    """Return what a query string and an Accept header ask of a view.

    Raises Problem that names the parameter at fault: 422, or 406 for an Accept header that
    takes none of the formats.
    """
    given, dataset = group(view, items), view.dataset
    chosen = _format(given, accept)
    revisions = _one(given, "revisions", read_flag) or False
    columns = _columns(view, given, spans() if revisions else ())
    read = Read(
        view=view,
        columns=columns,
        format=chosen,
        filters=tuple(
            _filter(dataset, name, given[name]) for name in view.filters if name in given
        ),
        start=_bound(dataset, given, "start"),
        end=_bound(dataset, given, "end"),
        as_of=_one(given, "as_of", read_as_of),
        mode=_one(given, "as_of_mode", _choice(Mode)) or Mode.STRICT,
        release=_one(given, "release", _choice(Release)) or Release.LATEST,
        revisions=revisions,
        descending=_descending(view, given),
        limit=_one(given, "limit", _limit) or chosen.page_rows,
    )
    check_versions(read, given)
    if _one(given, "wide", read_flag):
        value = wide_value(read, named="fields" in given)
        read = replace(read, wide=value, columns=(dataset.column(dataset.time or ""),))
    return replace(
        read, after=_one(given, "cursor", lambda text: read_cursor(read.identity, read.key, text))
    )


def _one(given: Given, name: str, parse: Callable[[str], _T]) -> _T | None:
    """Return a parameter's value, None where it is not given; raises Problem that names it."""
    if name not in given:
        return None
    try:
        return parse(given[name][0])
    except ValueError as exc:
        raise wrong_parameter(name, str(exc)) from exc


def _format(given: Given, accept: str) -> Format:
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


def _columns(view: View, given: Given, added: tuple[Column, ...]) -> tuple[Column, ...]:
    if "fields" not in given:
        return view.columns + added
    dataset = view.dataset
    known = {column.name: column for column in dataset.stored + added}
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


def _bound(dataset: Dataset, given: Given, name: str) -> dt.date | dt.datetime | None:
    if name in given and dataset.time is None:
        raise wrong_parameter(name, f"{dataset.name} has no time column to select on")
    if dataset.time is None:
        return None
    kind = dataset.column(dataset.time).kind
    return _one(given, name, lambda text: read_bound(kind, text, end=name == "end"))


def _descending(view: View, given: Given) -> bool:
    order = _one(given, "order", _choice(Order))
    return view.newest_first if order is None else order is Order.DESC


def _choice(kind: type[_E]) -> Callable[[str], _E]:
    def choose(text: str) -> _E:
        try:
            return kind(text)
        except ValueError as exc:
            raise ValueError(f"{text[:20]!r} is not one of {', '.join(kind)}") from exc

    return choose


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT):
        raise ValueError(
            f"{text[:20]!r} is not a whole number from 1 to {MAX_LIMIT:,}; other formats than "
            "json give all rows where no limit is given"
        )
    return int(text)


__all__ = ["Filter", "Read", "Release", "read_request"]
