"""Columns to text, whole columns at a time: the canonical spelling of each type."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Kind
from shared.dataset import Column
from shared.record import json_objects, json_texts, moment_texts

_NEEDS_QUOTES = r'^$|[",\r\n]'


def json_lines(batch: pa.RecordBatch, columns: Sequence[Column], terminator: str) -> bytes:
    """Return each row as a JSON object with the terminator behind it; non-finite is null."""
    told = (
        (column, _finite(pa.chunked_array([batch.column(place)]), column))
        for place, column in enumerate(columns)
    )
    return b"".join(map(_data, json_objects(told, terminator).chunks))


def _finite(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Return figures with null for those that JSON cannot say, other values as they are."""
    if column.kind is not Kind.FLOAT:
        return values
    finite = pc.is_finite(values)
    if pc.all(finite, min_count=0).as_py():
        return values
    return pc.if_else(finite, values, pa.scalar(None, pa.float64()))


def csv_lines(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    """Return each row as a line of CSV; null is nothing, an empty text is two quotes.

    Where there is one column only, null is two quotes too: readers skip an empty line.
    """
    parts: list[pa.ChunkedArray | pa.Scalar] = []
    for position, column in enumerate(columns):
        texts = csv_texts(pa.chunked_array([batch.column(position)]), column)
        parts += [texts, pa.scalar(",")]
    if len(columns) == 1:
        parts[0] = pc.fill_null(parts[0], '""')
    return _joined([*parts[:-1], pa.scalar("\n")])


def csv_texts(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    """Return each value as it stands between two commas, quoted only where it must be."""
    match column.kind:
        case Kind.TEXT:
            return quoted(values)
        case Kind.TEXTS:
            texts = quoted(json_texts(values, column))
            return pc.if_else(pc.is_valid(values), texts, pa.scalar(None, pa.string()))
        case Kind.TIMESTAMP:
            return moment_texts(values)
        case _:
            return pc.cast(values, pa.string())


def quoted(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts in double quotes where they must be."""
    if all(map(_plain, values.chunks)):
        return values
    needs = pc.match_substring_regex(values, _NEEDS_QUOTES)
    if not pc.any(needs, skip_nulls=True, min_count=0).as_py():
        return values
    doubled = pc.replace_substring(values, '"', '""')
    surrounded = pc.binary_join_element_wise(pa.scalar('"'), doubled, pa.scalar('"'), "")
    return pc.if_else(needs, surrounded, values)


def _plain(texts: pa.StringArray) -> bool:
    """Return whether no text is empty and no byte of all, seen as one, asks for quotes."""
    _, offsets, data = texts.buffers()
    if not len(texts) or data is None or pc.min(pc.binary_length(texts)).as_py() == 0:
        return not len(texts)
    ends = np.frombuffer(offsets, np.int32)
    found = np.frombuffer(data, np.uint8)[ends[texts.offset] : ends[texts.offset + len(texts)]]
    return not any(bool((found == mark).any()) for mark in b'",\r\n')


def _joined(parts: Sequence[pa.ChunkedArray | pa.Scalar]) -> bytes:
    rows = pc.binary_join_element_wise(
        *parts, pa.scalar(""), null_handling="replace", null_replacement=""
    )
    return b"".join(_data(chunk) for chunk in rows.chunks)


def _data(texts: pa.StringArray) -> bytes:
    """Return all texts, one behind the other, as they lie in memory."""
    if not len(texts):
        return b""
    _, offsets, data = texts.buffers()
    bounds = memoryview(offsets).cast("i")
    first, last = bounds[texts.offset], bounds[texts.offset + len(texts)]
    return bytes(memoryview(data)[first:last])
