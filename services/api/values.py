"""The texts of a query read as the types of the columns they are compared with."""

import csv
import datetime as dt
import math
import re
from typing import Any

from shared.columns import INT64_MAX, INT64_MIN, Kind
from shared.moment import end_of_day
from shared.record import decode_time

MAX_VALUES = 1000
"""Values that one filter may have."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?)([Zz]|[+ -]\d\d:\d\d)", re.ASCII
)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_WHOLE_DAY = "a date (2008-10-30) or a moment with its zone (2008-10-30T12:00:00Z)"


def split_values(texts: list[str]) -> list[str]:
    """Return the values of a repeated, comma-separated parameter.

    A value that holds a comma is written in double quotes, as in CSV. Raises ValueError
    where one is empty or malformed, or there are more than MAX_VALUES.
    """
    values: list[str] = []
    for text in texts:
        try:
            rows = list(csv.reader([text], strict=True, skipinitialspace=True))
        except csv.Error as exc:
            raise ValueError(
                "not a comma-separated list: a value that holds a comma, a double quote or a line "
                "break stands in double quotes"
            ) from exc
        values += (rows[0] if rows else None) or [""]
    if "" in values:
        raise ValueError("a value is empty")
    if len(values) > MAX_VALUES:
        raise ValueError(f"over {MAX_VALUES:,} values")
    return values


def read_value(kind: Kind, text: str) -> Any:
    """Return the value that a text names in a column's type; raises ValueError with the reason."""
    match kind:
        case Kind.TEXT | Kind.TEXTS:
            return _text(text)
        case Kind.BIGINT | Kind.INTEGER:
            return _integer(text)
        case Kind.FLOAT:
            return _float(text)
        case Kind.BOOLEAN:
            return _boolean(text)
        case Kind.DATE:
            return read_date(text)
        case Kind.TIMESTAMP:
            return read_moment(text)
        case _:
            raise ValueError(f"columns of type {kind.label} cannot be filtered by")


def read_date(text: str) -> dt.date:
    """Return the day that a text names; raises ValueError with what is allowed."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date such as 2008-10-30")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is no day of the calendar") from exc


def read_moment(text: str) -> dt.datetime:
    """Return the moment that an RFC 3339 text names, in UTC.

    A `+` that the URL's decoding made a blank is read as the `+` it was. Raises ValueError.
    """
    shape = _MOMENT.fullmatch(text)
    if shape is None:
        raise ValueError(f"{text!r} is not a moment with its zone such as 2008-10-30T12:00:00Z")
    try:
        return decode_time(shape[1].upper() + shape[2].upper().replace(" ", "+"))
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{text!r} is no moment of the calendar") from exc


def read_as_of(text: str) -> dt.datetime:
    """Return the moment as of which rows are wanted; a date is its last microsecond, UTC."""
    day_or_moment = _day_or_moment(text)
    return day_or_moment if isinstance(day_or_moment, dt.datetime) else end_of_day(day_or_moment)


def read_moment_or_day(text: str, *, end: bool) -> dt.datetime:
    """Return a moment, of a day its first microsecond or, for an `end`, its last; in UTC."""
    bound = read_bound(Kind.TIMESTAMP, text, end=end)
    assert isinstance(bound, dt.datetime)
    return bound


def read_bound(kind: Kind, text: str, *, end: bool) -> dt.date | dt.datetime:
    """Return an inclusive bound of a time column of type date or timestamp.

    A date bounds timestamps by its first or last microsecond, UTC; a moment bounds dates by
    its day in UTC. Raises ValueError.
    """
    given = _day_or_moment(text)
    if kind is Kind.DATE:
        return given.date() if isinstance(given, dt.datetime) else given
    if isinstance(given, dt.datetime):
        return given
    return end_of_day(given) if end else dt.datetime.combine(given, dt.time.min, dt.UTC)


def _day_or_moment(text: str) -> dt.date | dt.datetime:
    if _DATE.fullmatch(text):
        return read_date(text)
    if _MOMENT.fullmatch(text):
        return read_moment(text)
    raise ValueError(f"{text!r} is not {_WHOLE_DAY}")


def read_flag(text: str) -> bool:
    """Return what a switch is set to; raises ValueError for anything but true and false."""
    return _boolean(text)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("a text cannot hold NUL")
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not INT64_MIN <= int(text) <= INT64_MAX:
        raise ValueError(f"{text!r} is not a whole number of 64 bits")
    return int(text)


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"{text!r} is not a finite number")
    return float(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"
