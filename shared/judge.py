"""What the fast path may decide about a batch of values, column by column, without the law."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Kind
from shared.dataset import Column, Dataset

MAX_PLAIN_BYTES = 64 * 1024
_DATE = r"^\d{4}-\d\d-\d\d$"
_TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
_NEWLINE, _SPACE, _BACKSLASH, _OPEN, _CLOSE = 0x0A, 0x20, 0x5C, 0x7B, 0x7D


class _Undecided(Exception):
    """The law must read these rows."""


def raw_type(column: Column) -> pa.DataType:
    """Return the type a column is first read as; dates and moments are texts until judged."""
    return pa.string() if column.kind in (Kind.DATE, Kind.TIMESTAMP) else column.kind.arrow


def join_plain(values: list[bytes | None]) -> bytes | None:
    """Return the values as lines, or None unless each is one plain flat object.

    Plain: from `{` to `}` with no other of either, no control character, no backslash,
    valid UTF-8, at most 64 kB. What is not plain may still be valid: the law knows.
    """
    if any(not value or len(value) > MAX_PLAIN_BYTES for value in values):
        return None
    joined = b"\n".join(values)  # type: ignore[arg-type]  # None was ruled out above
    data = np.frombuffer(joined, np.uint8)
    counts = np.bincount(data, minlength=256)
    lines = len(values)
    if counts[_NEWLINE] != lines - 1 or counts[:_SPACE].sum() != lines - 1 or counts[_BACKSLASH]:
        return None
    if counts[_OPEN] != lines or counts[_CLOSE] != lines:
        return None
    ends = np.flatnonzero(data == _NEWLINE)
    starts = np.concatenate(([0], ends + 1))
    lasts = np.concatenate((ends - 1, [len(data) - 1]))
    if (data[starts] != _OPEN).any() or (data[lasts] != _CLOSE).any():
        return None
    if counts[0x80:].any() and not _is_utf8(joined):
        return None
    return joined


def accept(dataset: Dataset, raw: pa.Table, values: list[bytes | None]) -> pa.Table | None:
    """Return the parsed rows in the dataset's schema, or None where the law must read them."""
    try:
        columns = [_accept(column, raw[column.name], values) for column in dataset.columns]
    except (_Undecided, pa.ArrowInvalid):
        return None
    return pa.Table.from_arrays(columns, schema=dataset.arrow_schema)


def _accept(column: Column, parsed: pa.ChunkedArray, values: list[bytes | None]) -> pa.ChunkedArray:
    if parsed.null_count:
        parsed = _judge_nulls(column, parsed, values)
    match column.kind:
        case Kind.FLOAT:
            _judge_figures(parsed)
        case Kind.TEXT:
            _judge_text(column, parsed)
        case Kind.DATE:
            _require(pc.match_substring_regex(parsed, _DATE))
            _require(pc.greater_equal(parsed, "0001"))
            parsed = pc.cast(parsed, pa.date32())
        case Kind.TIMESTAMP:
            _require(pc.match_substring_regex(parsed, _TIMESTAMP))
            _require(pc.and_(pc.greater(parsed, "0002"), pc.less(parsed, "9999")))
            parsed = pc.cast(parsed, column.kind.arrow)
        case Kind.TEXTS:
            _judge_texts(parsed)
    return parsed


def _judge_nulls(
    column: Column, parsed: pa.ChunkedArray, values: list[bytes | None]
) -> pa.ChunkedArray:
    """Tell a field left out from one given as null, which read alike."""
    needle = f'"{column.name}":'.encode()
    rows = np.flatnonzero(pc.is_null(parsed).to_numpy())
    given = [needle in (values[row] or b"") for row in rows]
    if all(given) and column.nullable:
        return parsed
    if column.has_default and not any(given):
        return pc.fill_null(parsed, column.default) if column.default is not None else parsed
    if column.has_default and column.default is None:
        return parsed
    raise _Undecided


def _judge_figures(parsed: pa.ChunkedArray) -> None:
    """Leave to the law what may be an integer beyond 64 bits, and -0, which JSON reads as 0."""
    figures = parsed.drop_null().to_numpy()
    negative_zero = np.signbit(figures) & (figures == 0.0)
    if not np.isfinite(figures).all() or (np.abs(figures) >= 2.0**63).any() or negative_zero.any():
        raise _Undecided


def _judge_text(column: Column, parsed: pa.ChunkedArray) -> None:
    length = pc.utf8_length(parsed)
    if column.min_length is not None:
        _require(pc.greater_equal(length, column.min_length))
    if column.max_length is not None:
        _require(pc.less_equal(length, column.max_length))


def _judge_texts(parsed: pa.ChunkedArray) -> None:
    if any(chunk.flatten().null_count for chunk in parsed.chunks):
        raise _Undecided


def _require(condition: pa.ChunkedArray) -> None:
    if not pc.all(condition, skip_nulls=True, min_count=0).as_py():
        raise _Undecided


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
