"""Query parameters as JSON: what JSON lacks is an object with one marked key."""

import base64
import datetime as dt
from collections.abc import Sequence
from typing import Any

from shared.record import decode_time, encode_time

_DATE, _MOMENT, _BYTES = "$date", "$timestamp", "$bytes"


def to_json(parameters: Sequence[Any]) -> list[Any]:
    """Return parameters as JSON can carry them; raises TypeError for what no column holds."""
    return [_to_json(value) for value in parameters]


def from_json(parameters: Any) -> list[Any]:
    """Return the parameters that `to_json` carried; raises ValueError for anything else."""
    if not isinstance(parameters, list):
        raise ValueError("parameters must be a list")
    return [_from_json(value) for value in parameters]


def _to_json(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dt.datetime():
            if value.tzinfo is None:
                raise TypeError("a moment needs its time zone")
            return {_MOMENT: encode_time(value)}
        case dt.date():
            return {_DATE: value.isoformat()}
        case bytes():
            return {_BYTES: base64.b64encode(value).decode()}
        case list() | tuple():
            return [_to_json(item) for item in value]
    raise TypeError(f"a query parameter cannot be a {type(value).__name__}")


def _from_json(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_from_json(item) for item in value]
        case {"$timestamp": str(text), **rest} if not rest:
            return decode_time(text)
        case {"$date": str(text), **rest} if not rest:
            return dt.date.fromisoformat(text)
        case {"$bytes": str(text), **rest} if not rest:
            return base64.b64decode(text, validate=True)
    raise ValueError("a parameter is a JSON scalar, a list, or one of $date, $timestamp, $bytes")
