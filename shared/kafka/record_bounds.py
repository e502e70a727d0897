"""Where each record of a batch begins and ends, which only the record before it tells."""

import numpy as np

from shared.kafka.varints import BITS, MORE, NotReadable, Numbers, varint, varints

_MARK = 8
"""So many bytes of the headers are looked for."""
_TRIED = 32
"""In so many places for each record at most; data that is full of their first byte has more."""


def bounds(data: bytes, count: int) -> tuple[Numbers, Numbers]:
    """Return where each record begins, past its length, and where it ends.

    Raises NotReadable where there are not so many records, or something else beside them.
    """
    return _by_headers(data, count) or _one_by_one(data, count)


def _by_headers(data: bytes, count: int) -> tuple[Numbers, Numbers] | None:
    """Find where records end by the headers that all end with, None where they do not.

    Each end that was found must be where the record's length says it is, so that nothing is
    taken for a header that is none.
    """
    headers = _first_headers(data)
    if len(headers) < _MARK:
        return None
    numbers = np.frombuffer(data, np.uint8)
    from_each = np.ndarray((len(data) - _MARK + 1,), f"<u{_MARK}", data, strides=(1,))
    may_begin = numbers[: len(from_each)] == headers[0]
    if np.count_nonzero(may_begin) > _TRIED * count:
        return None
    at = np.flatnonzero(may_begin)
    at = at[from_each[at] == int.from_bytes(headers[:_MARK], "little")]
    ends = at + len(headers)
    if len(ends) != count or ends[-1] != len(data):
        return None
    sizes, begins = varints(numbers, np.concatenate([np.zeros(1, np.int64), ends[:-1]]))
    return (begins, ends) if (begins + sizes == ends).all() else None


def _first_headers(data: bytes) -> bytes:
    """Return the headers of the first record, as far as they can be told."""
    try:
        size, begin = varint(data, 0)
        at = begin + 1  # past the attributes
        for _ in ("timestamp", "offset"):
            _, at = varint(data, at)
        for _ in ("key", "value"):
            length, at = varint(data, at)
            at += max(length, 0)
    except (IndexError, NotReadable):
        return b""
    return data[at : begin + size]


def _one_by_one(data: bytes, count: int) -> tuple[Numbers, Numbers]:
    begins, ends, at = [], [], 0
    try:
        for _ in range(count):
            low, high = data[at], data[at + 1]
            if low >= MORE > high:  # two bytes, as nearly always
                size, at = (low - MORE | high << BITS) >> 1, at + 2
            else:
                size, at = varint(data, at)
            begins.append(at)
            at += size
            ends.append(at)
    except IndexError as exc:
        raise NotReadable from exc
    if at != len(data):
        raise NotReadable
    return np.array(begins, np.int64), np.array(ends, np.int64)
