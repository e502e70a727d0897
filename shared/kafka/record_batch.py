"""Reads a batch of records as columns: an object a record costs several times as much.

Where each record begins is found one after the other; all fields are then read for all records
at once. The format is version 2 of Kafka's messages, in which all brokers since 0.11 answer.
"""

import struct
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode

from shared.messages import Headers, Messages

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">i")
_LENGTH_AT, _UP_TO_LENGTH = 8, 12
_VERSION = 2
_CODEC, _APPEND_TIME = 0x07, 0x08
_CODECS = {0: bytes, 1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}
_MORE, _BITS = 0x80, 7
_VARINT_BYTES = 10
_Numbers = npt.NDArray[np.int64]


class NotReadable(Exception):
    """A batch is of an older version, or broken: the client's own reading says what to do."""


def batches(fetched: bytes) -> list[memoryview]:
    """Return the whole batches of an answer to a fetch, which may cut the last one short."""
    found, at, whole = [], 0, memoryview(fetched)
    while at + _UP_TO_LENGTH <= len(whole):
        end = at + _UP_TO_LENGTH + _LENGTH.unpack_from(whole, at + _LENGTH_AT)[0]
        if end > len(whole) or end < at + _UP_TO_LENGTH:
            break
        found.append(whole[at:end])
        at = end
    return found


@dataclass(frozen=True, slots=True)
class _Texts:
    """Where the keys, or the values, of all records lie; one that is null ends before it begins."""

    begins: _Numbers
    ends: _Numbers

    def of(self, data: bytes, chosen: slice) -> list[bytes | None]:
        begins, ends = self.begins[chosen], self.ends[chosen]
        pairs = zip(begins.tolist(), ends.tolist(), strict=True)
        if (ends < begins).any():
            return [data[begin:end] if begin <= end else None for begin, end in pairs]
        return [data[begin:end] for begin, end in pairs]

    def alike(self, data: bytes, chosen: slice) -> bytes | None:
        """Return the text that all have, None where they differ or are empty."""
        begins, ends = self.begins[chosen], self.ends[chosen]
        size = int(ends[0] - begins[0]) if len(begins) else 0
        if size <= 0 or (ends - begins != size).any():
            return None
        first = data[begins[0] : ends[0]]
        from_each = np.ndarray((len(data) - size + 1,), f"V{size}", data, strides=(1,))
        return first if from_each[begins].tobytes() == first * len(begins) else None

    def bytes_of(self, chosen: slice) -> int:
        return int(np.maximum(self.ends[chosen] - self.begins[chosen], 0).sum())


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """The fields of a batch's records, by their positions in its data; offsets rise."""

    data: bytes
    offsets: _Numbers
    timestamps_ms: _Numbers
    keys: _Texts
    values: _Texts
    headers: _Texts
    _known: dict[bytes, Headers] = field(default_factory=dict)

    @classmethod
    def read(cls, batch: memoryview) -> Self:
        """Find all fields; raises NotReadable where they are not there."""
        if len(batch) < _HEADER.size:
            raise NotReadable
        base, _, _, version, _, attributes, _, first, latest, *_, count = _HEADER.unpack_from(batch)
        if version != _VERSION or attributes & _CODEC not in _CODECS:
            raise NotReadable
        data: bytes = _CODECS[attributes & _CODEC](bytes(batch[_HEADER.size :]))
        begins, ends = _bounds(data, count)
        numbers = np.frombuffer(data, np.uint8)
        delays, at = _varints(numbers, begins + 1)  # past the attributes, of which there are none
        steps, at = _varints(numbers, at)
        keys, at = _texts(numbers, at)
        values, at = _texts(numbers, at)
        if (at >= ends).any():
            raise NotReadable
        moments = np.full(count, latest) if attributes & _APPEND_TIME else first + delays
        return cls(data, base + steps, moments, keys, values, _Texts(at, ends))

    def messages(self, topic: str, partition: int, chosen: slice) -> Messages:
        """Return some of the records.

        Raises UnicodeDecodeError where the name of a header is no text, NotReadable where
        headers are not as the format has them.
        """
        found = Messages(topic)
        found.offsets = self.offsets[chosen].tolist()
        found.timestamps_ms = self.timestamps_ms[chosen].tolist()
        found.partitions = [partition] * len(found.offsets)
        found.keys = self.keys.of(self.data, chosen)
        found.values = self.values.of(self.data, chosen)
        alike = self.headers.alike(self.data, chosen)
        if alike is not None:
            found.headers = [self._headers(alike)] * len(found.offsets)
        else:
            found.headers = [self._headers(raw) for raw in self.headers.of(self.data, chosen)]
        found.bytes = self.keys.bytes_of(chosen) + self.values.bytes_of(chosen)
        return found

    def _headers(self, raw: bytes | None) -> Headers:
        """Return the headers of a record; equal ones are one object."""
        assert raw is not None
        found = self._known.get(raw)
        if found is None:
            found = self._known[raw] = _read_headers(raw)
        return found


def _bounds(data: bytes, count: int) -> tuple[_Numbers, _Numbers]:
    """Return where each record begins, past its length, and where it ends."""
    begins, ends, at = [], [], 0
    try:
        for _ in range(count):
            low, high = data[at], data[at + 1]
            if low >= _MORE > high:  # two bytes, as nearly always
                size, at = (low - _MORE | high << _BITS) >> 1, at + 2
            else:
                size, at = _varint(data, at)
            begins.append(at)
            at += size
            ends.append(at)
    except IndexError as exc:
        raise NotReadable from exc
    if at != len(data):
        raise NotReadable
    return np.array(begins, np.int64), np.array(ends, np.int64)


def _varints(data: npt.NDArray[np.uint8], at: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return the signed numbers at some positions, and the positions past each."""
    found = np.zeros(len(at), np.int64)
    for place in range(_VARINT_BYTES):
        byte = data.take(at, mode="clip").astype(np.int64)
        if place == 0:
            open_ = np.ones(len(at), np.bool_)
        found |= np.where(open_, (byte & ~_MORE) << (_BITS * place), 0)
        at = at + open_
        open_ = open_ & (byte >= _MORE)
        if not open_.any():
            return (found >> 1) & np.int64(2**63 - 1) ^ -(found & 1), at
    raise NotReadable


def _texts(data: npt.NDArray[np.uint8], at: _Numbers) -> tuple[_Texts, _Numbers]:
    """Return where texts with their lengths before them lie, and the positions past each."""
    sizes, begins = _varints(data, at)
    return _Texts(begins, begins + sizes), begins + np.maximum(sizes, 0)


def _read_headers(raw: bytes) -> Headers:
    try:
        count, at = _varint(raw, 0)
        found: list[tuple[str, Any]] = []  # a value may be null, as aiokafka's may
        for _ in range(count):
            size, at = _varint(raw, at)
            if size < 0:
                raise NotReadable
            name, at = raw[at : at + size].decode(), at + size
            size, at = _varint(raw, at)
            found.append((name, raw[at : at + size] if size >= 0 else None))
            at += max(size, 0)
    except IndexError as exc:
        raise NotReadable from exc
    if at != len(raw) or count < 0:
        raise NotReadable
    return tuple(found)


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, _BITS * _VARINT_BYTES, _BITS):
        byte = raw[at]
        at += 1
        if byte < _MORE:
            found |= byte << shift
            return (found >> 1) ^ -(found & 1), at
        found |= (byte - _MORE) << shift
    raise NotReadable
