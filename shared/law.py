"""The law of a dataset: the strict reading of one message, which decides where others cannot."""

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from shared.columns import INT64_MAX, INT64_MIN, Kind
from shared.dataset import Dataset, Row
from shared.errors import InvalidRecord

MAX_VALUE_BYTES = 1 << 20
"""A larger message is refused unread."""

_SHAPES = {
    Kind.DATE: re.compile(r"\d{4}-\d\d-\d\d", re.ASCII),
    Kind.TIMESTAMP: re.compile(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII
    ),
}
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def read_row(dataset: Dataset, value: bytes | None) -> Row:
    """Return the row that a message's value holds.

    Raises InvalidRecord where the value is no JSON object, has a key twice, a figure
    that no column holds (NaN, Infinity, 1e400, beyond 64 bits), NUL or half a surrogate
    pair in a text, a field too many or too few, or one of a wrong type.
    """
    document = read_object(value)
    for column in dataset.columns:
        given = document.get(column.name)
        shape = _SHAPES.get(column.kind)
        if shape and isinstance(given, str) and not shape.fullmatch(given):
            raise InvalidRecord("wrong_format", f"not a {column.kind.label}", column.name)
    try:
        row = dataset.row.model_validate_json(value or b"")
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False, include_context=False)[0]
        field = _shown(str(first["loc"][0])) if first["loc"] else None
        raise InvalidRecord(first["type"], first["msg"], field) from exc
    _check_moments(dataset, row)
    return row


def check_values(dataset: Dataset, rows: Iterable[Mapping[str, Any]], first: int = 0) -> None:
    """Hold rows of Python values to the law, which says the same of them as of messages.

    Raises InvalidRecord that names the first bad row by its number, counted from `first`.
    """
    for number, values in enumerate(rows, first):
        try:
            _check_moments(dataset, dataset.row.model_validate(values))
            _unique(list(values.items()))
        except ValidationError as exc:
            fault = exc.errors(include_url=False, include_input=False, include_context=False)[0]
            field = str(fault["loc"][0]) if fault["loc"] else None
            reason = f"row {number}: {field or dataset.name}: {fault['msg']}"
            raise InvalidRecord(fault["type"], reason, field) from exc
        except InvalidRecord as exc:
            reason = f"row {number}: {exc.field or dataset.name}: {exc.reason}"
            raise InvalidRecord(exc.code, reason, exc.field) from exc


def read_object(value: bytes | None) -> dict[str, Any]:
    """Return a JSON object, read more strictly than JSON libraries do; raises InvalidRecord."""
    if value is None:
        raise InvalidRecord("tombstone", "the message has no value")
    if not value.strip():
        raise InvalidRecord("empty", "the message's value is empty")
    if len(value) > MAX_VALUE_BYTES:
        raise InvalidRecord("too_large", f"the value has over {MAX_VALUE_BYTES} bytes")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise InvalidRecord("not_utf8", f"invalid UTF-8 at byte {exc.start}") from exc
    document = _parse(text)
    if not isinstance(document, dict):
        raise InvalidRecord("not_an_object", "the value is not a JSON object")
    return document


def _parse(text: str) -> Any:
    if text.startswith("\ufeff"):
        raise InvalidRecord("bom", "the value begins with a byte order mark")
    try:
        return _DECODER.decode(text)
    except RecursionError as exc:
        raise InvalidRecord("too_deep", "nested too deeply") from exc
    except json.JSONDecodeError as exc:
        raise InvalidRecord("not_json", f"{exc.msg} at character {exc.pos}") from exc


def _check_moments(dataset: Dataset, row: Row) -> None:
    for column in dataset.columns:
        if column.kind is Kind.TIMESTAMP and (moment := getattr(row, column.name)) is not None:
            try:
                moment.astimezone(dt.UTC)
            except OverflowError as exc:
                raise InvalidRecord("out_of_range", "outside years 1 to 9999", column.name) from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name, count in times.items() if count > 1)
        raise InvalidRecord("duplicate_key", "the key is given twice", _shown(twice))
    for name, item in pairs:
        for text in (name, *(item if isinstance(item, list) else [item])):
            if isinstance(text, str):
                _check_text(text, name)
    return document


def _check_text(text: str, name: str) -> None:
    if "\x00" in text:
        raise InvalidRecord("nul", "NUL in a text", _shown(name))
    if not text.isascii() and _HALF_A_PAIR.search(text):
        raise InvalidRecord("surrogate", "half a surrogate pair in a text", _shown(name))


def _shown(name: str) -> str:
    """Return a name that a stranger gave as it may stand in a report: short, and storable."""
    return _HALF_A_PAIR.sub("\ufffd", name[:100].replace("\x00", ""))


def _integer(text: str) -> int:
    if len(text) <= 20 and INT64_MIN <= (number := int(text)) <= INT64_MAX:
        return number
    raise InvalidRecord("integer_too_large", "an integer beyond 64 bits")


def _figure(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise InvalidRecord("not_finite", "a figure beyond the range of a double")
    return number


def _constant(text: str) -> NoReturn:
    raise InvalidRecord("not_finite", f"{text} is not JSON")


_constant_hook: Callable[[str], Any] = _constant
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_int=_integer,
    parse_float=_figure,
    parse_constant=_constant_hook,
)
