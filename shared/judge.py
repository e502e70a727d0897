"""What may be decided about a batch of values, whole columns at a time, without the law."""

import re
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Kind
from shared.dataset import Column, Dataset
from shared.texts import Texts

MAX_PLAIN_BYTES = 64 * 1024
Mask = npt.NDArray[np.bool_]

_DATE = r"^\d{4}-\d\d-\d\d$"
_TIMESTAMP = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$"
_SPACE, _OPEN, _CLOSE = b" {}"

_WHOLE = r"-?(?:0|[1-9][0-9]{0,17})"
_SAFE_ESCAPE = (
    r'\\(?:["\\/bfnrt]'
    r"|u(?:000[1-9a-fA-F]|00[1-9a-fA-F].|0[1-9a-fA-F]..|[1-9a-cA-CefEF]...|[dD][0-7]..))"
).replace(".", "[0-9a-fA-F]")
_STRING = rf'"(?:[^"\\\x00-\x1f]|{_SAFE_ESCAPE})*"'
_DAY = (
    r"(?:[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:0[48]|[2468][048]|[13579][26])-02-29)"
)
"""The last two figures of a year, and a day of it."""
_HOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_JSON = {
    Kind.TEXT: _STRING,
    Kind.BIGINT: _WHOLE,
    Kind.FLOAT: rf"{_WHOLE}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{{1,2}})?",
    Kind.BOOLEAN: r"true|false",
    Kind.DATE: rf'"[1-9][0-9]{_DAY}"',
    Kind.TIMESTAMP: (rf'"[1-8][0-9]{_DAY}T{_HOUR}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{_HOUR})"'),
    Kind.TEXTS: rf"\[ *(?:{_STRING}(?: *, *{_STRING})*)? *\]",
}
"""For each kind, JSON that is right beyond doubt; what else may be right, the law knows."""


def raw_type(column: Column) -> pa.DataType:
    """Return the type a column is first read as; dates and moments are texts until judged."""
    return pa.string() if column.kind in (Kind.DATE, Kind.TIMESTAMP) else column.kind.arrow


def plain_lines(values: Texts) -> bytes | None:
    """Return the values as lines, a line break behind each, or None unless each is plain.

    Plain: from `{` to `}`, no control character, no backslash, valid UTF-8, at most 64 kB.
    What is not plain may still be valid: the law knows. A row has no objects inside and no
    string goes over the end of a line, so each line holds one object or more: as many rows
    as lines are one row a line.
    """
    sizes = values.sizes
    if not len(sizes) or sizes.min() < len(b"{}") or sizes.max() > MAX_PLAIN_BYTES:
        return None
    lines = values.lines()
    data = np.frombuffer(lines, np.uint8)
    if np.count_nonzero(data < _SPACE) != len(sizes) or b"\\" in lines:
        return None
    behind = np.cumsum(sizes + 1)
    if (data[behind - sizes - 1] != _OPEN).any() or (data[behind - 2] != _CLOSE).any():
        return None
    return lines if _is_utf8(lines) else None


def well_formed(dataset: Dataset, values: Texts) -> Mask:
    """Tell which values are, each by itself, JSON of the right types beyond doubt.

    In any order of fields; one left out or given twice is not told.
    """
    fields = "|".join(
        f'"{re.escape(c.name)}" *: *(?:{_JSON[c.kind]}{"|null" if c.nullable else ""})'
        for c in dataset.columns
    )
    pattern = rf"^\{{ *(?:{fields})(?: *, *(?:{fields}))* *\}}\n$"
    sizes, lines = values.sizes, values.lines()
    edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.maximum(sizes, 0) + 1)])
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(lines)]
    texts = pa.Array.from_buffers(pa.large_binary(), len(sizes), buffers)
    matches: Mask = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    matches &= sizes <= MAX_PLAIN_BYTES
    return matches if _is_utf8(lines) else matches & [_is_utf8(value or b"") for value in values]


def crowded(dataset: Dataset, values: Texts) -> Mask:
    """Tell which of well-formed values seem to hold more fields than there are columns."""
    fields = pc.count_substring(pa.array(list(values), pa.binary()), '":')
    crowd: Mask = pc.greater(fields, len(dataset.columns)).to_numpy(zero_copy_only=False)
    return crowd


class Judge:
    """Judges parsed rows column by column; `doubtful` tells which the law must read."""

    def __init__(self, dataset: Dataset, values: Texts) -> None:
        self._dataset = dataset
        self._texts = values
        self.doubtful: Mask = np.zeros(len(values), np.bool_)

    @cached_property
    def _values(self) -> list[bytes | None]:
        """Each by itself: few batches have to look."""
        return list(self._texts)

    def rows(self, raw: pa.Table) -> pa.Table:
        """Return the rows in the dataset's schema, the doubtful among them as they come.

        Raises pyarrow.ArrowInvalid where a date or moment is impossible.
        """
        columns = [self._column(column, raw[column.name]) for column in self._dataset.columns]
        return pa.Table.from_arrays(columns, schema=self._dataset.arrow_schema)

    def _column(self, column: Column, parsed: pa.ChunkedArray) -> pa.ChunkedArray:
        if parsed.null_count:
            parsed = self._nulls(column, parsed)
        match column.kind:
            case Kind.FLOAT:
                self._figures(parsed)
            case Kind.TEXT:
                self._length(column, parsed)
            case Kind.DATE:
                years = pc.greater_equal(parsed, "0001")
                parsed = self._moments(parsed, _DATE, years).cast(column.kind.arrow)
            case Kind.TIMESTAMP:
                years = pc.and_(pc.greater(parsed, "0002"), pc.less(parsed, "9999"))
                parsed = self._moments(parsed, _TIMESTAMP, years).cast(column.kind.arrow)
            case Kind.TEXTS if any(chunk.flatten().null_count for chunk in parsed.chunks):
                self.doubtful[:] = True
        return parsed

    def _nulls(self, column: Column, parsed: pa.ChunkedArray) -> pa.ChunkedArray:
        """Tell a field left out from one given as null, which read alike."""
        name = f'"{column.name}"'.encode()
        given, left_out = name + b":", np.zeros(len(self._values), np.bool_)
        for row in np.flatnonzero(pc.is_null(parsed).to_numpy()).tolist():
            value = self._values[row] or b""
            if column.nullable and given in value:
                continue
            if column.has_default and name not in value:
                left_out[row] = True
            else:
                self.doubtful[row] = True
        if column.default is None or not left_out.any():
            return parsed
        return pc.if_else(pa.array(left_out), pa.scalar(column.default, parsed.type), parsed)

    def _figures(self, parsed: pa.ChunkedArray) -> None:
        """Leave to the law what may be an integer beyond 64 bits, and -0, which JSON reads as 0."""
        figures = pc.fill_null(parsed, 1.0).to_numpy()
        self.doubtful |= ~(np.abs(figures) < 2.0**63) | ((figures == 0.0) & np.signbit(figures))

    def _length(self, column: Column, parsed: pa.ChunkedArray) -> None:
        length = pc.utf8_length(parsed)
        if column.min_length is not None:
            self._require(pc.greater_equal(length, column.min_length))
        if column.max_length is not None:
            self._require(pc.less_equal(length, column.max_length))

    def _moments(
        self, parsed: pa.ChunkedArray, pattern: str, years: pa.ChunkedArray
    ) -> pa.ChunkedArray:
        right = pc.and_(pc.match_substring_regex(parsed, pattern), years)
        return parsed if self._require(right) else pc.if_else(right, parsed, None)

    def _require(self, condition: pa.ChunkedArray) -> bool:
        if pc.all(condition, min_count=0).as_py():
            return True
        self.doubtful |= ~pc.fill_null(condition, True).to_numpy()
        return False


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
