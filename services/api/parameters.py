"""The query parameters of reads, declared once: what is allowed, and what OpenAPI says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from services.api.formats import FORMATS
from services.api.problems import Problem, wrong_parameter
from services.api.read import Mode, Release
from services.api.view import View
from shared.columns import Kind
from shared.dataset import Dataset

MAX_LIMIT = 100_000
MAX_ENTITIES = 1_000
"""Columns that a wide answer may have besides the time."""

Given = Mapping[str, list[str]]
"""The texts given for each parameter."""


class Order(StrEnum):
    """The direction of the rows."""

    ASC = "asc"
    DESC = "desc"


MOMENT = {"anyOf": [{"type": "string", "format": name} for name in ("date", "date-time")]}
"""A day or a moment, for OpenAPI."""

_FLAG = {"type": "boolean", "default": False}
_DAY = "a date (2008-10-30) or an RFC 3339 moment"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that is no filter, given once at most.

    `everywhere`: every view takes it; else those alone that name it among their choices.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    everywhere: bool = True


COMMON = (
    Parameter(
        "start",
        f"first row's time, inclusive, on the dataset's time column: {_DAY}",
        MOMENT,
    ),
    Parameter("end", f"last row's time, inclusive: {_DAY}", MOMENT),
    Parameter(
        "as_of",
        f"rows as they were known then: {_DAY}; a date means its end in UTC",
        MOMENT,
        everywhere=False,
    ),
    Parameter(
        "as_of_mode",
        "strict: known is what had been observed by `as_of`; assumed: a key's earliest version "
        "counts as known from when the dataset says it must have been, such as a session's close",
        {"type": "string", "enum": list(Mode), "default": Mode.STRICT.value},
        everywhere=False,
    ),
    Parameter(
        "release",
        "first: of each key the version that was known first; latest: the one known last",
        {"type": "string", "enum": list(Release), "default": Release.LATEST.value},
        everywhere=False,
    ),
    Parameter(
        "revisions",
        "true: every version of each key, with `known_from` and `known_until`, which is null "
        "for the last; with `as_of`, every version known by then",
        _FLAG,
        everywhere=False,
    ),
    Parameter(
        "wide",
        "true: a row for each time and a column for each entity, holding the one column that "
        f"`fields` names; for {MAX_ENTITIES:,} entities at most",
        _FLAG,
        everywhere=False,
    ),
    Parameter(
        "fields",
        "columns of the answer, comma separated, in this order; by default the dataset's fields "
        "and as_of. Any stored column may be named, lineage included",
        {"type": "string"},
    ),
    Parameter(
        "order",
        "asc: rows in the order of the key, or from the oldest; desc: from the other end",
        {"type": "string", "enum": list(Order)},
    ),
    Parameter(
        "limit",
        "rows of the answer; without it JSON gives a page of 1,000 and other formats all rows",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    ),
    Parameter(
        "cursor", "where the page before ended: its next_cursor, unchanged", {"type": "string"}
    ),
    Parameter(
        "format",
        "format of the answer; wins over the Accept header",
        {"type": "string", "enum": list(FORMATS)},
    ),
)
_COMMON_NAMES = tuple(parameter.name for parameter in COMMON)


def items_of(request: Request) -> list[tuple[str, str]]:
    """Return the names and texts of a query string, as UTF-8; raises Problem (422) for others."""
    try:
        query = request.scope["query_string"].decode()
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as exc:
        raise wrong_parameter("query", "the query string is not UTF-8, percent-encoded") from exc


def group(view: View, items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the texts given for each parameter.

    Raises Problem (422) for a parameter that this view does not take, and for a common one
    given twice.
    """
    given: dict[str, list[str]] = {}
    common = [p.name for p in COMMON if p.everywhere or p.name in view.choices]
    for name, text in items:
        if name not in common and name not in view.filters:
            raise _refused(view, name, common)
        if name in given and name in common:
            raise wrong_parameter(name, "given more than once")
        given.setdefault(name, []).append(text)
    return given


def _refused(view: View, name: str, common: Sequence[str]) -> Problem:
    reason = f"reads of {view.dataset.name} take no such parameter"
    if name in _COMMON_NAMES and not view.dataset.versioned:
        reason = f"{view.dataset.name} keeps no versions"
    allowed = (*view.filters, *common)
    return wrong_parameter(name, reason, code="unknown-parameter", allowed=allowed)


async def no_parameters(request: Request) -> None:
    """Raise Problem (422) where a route that takes no parameters is given one: a dependency."""
    for name in request.query_params:
        raise wrong_parameter(name, "this route takes no parameters", code="unknown-parameter")


def documented(views: Sequence[View]) -> list[dict[str, Any]]:
    """Return OpenAPI's description of all parameters, the filters of each view included."""
    filters: dict[str, list[Dataset]] = {}
    for view in views:
        for name in view.filters:
            filters.setdefault(name, []).append(view.dataset)
    chosen = {name for view in views for name in view.choices}
    default = {"default": "desc" if all(view.newest_first for view in views) else "asc"}
    common = [
        _document(p.name, p.description, {**p.schema, **(default if p.name == "order" else {})})
        for p in COMMON
        if p.everywhere or p.name in chosen
    ]
    return common + [_filter(name, of) for name, of in filters.items()]


def _filter(name: str, datasets: list[Dataset]) -> dict[str, Any]:
    arrays = any(dataset.column(name).kind is Kind.TEXTS for dataset in datasets)
    match = "rows that hold all of these" if arrays else "rows with one of these values"
    text = f"{match}, repeated or comma separated (of {', '.join(d.name for d in datasets)})"
    schema = {"type": "array", "items": {"type": "string"}}
    return _document(name, text, schema) | {"style": "form", "explode": True}


def _document(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": dict(schema)}
