"""Reads a batch of records as columns: an object a record costs several times as much.

Once it is known where each begins, all fields are read for all records at once. The format is
version 2 of Kafka's messages, in which all brokers since 0.11 answer.
"""

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode

from shared.kafka.record_bounds import bounds
from shared.kafka.record_headers import KnownHeaders
from shared.kafka.varints import NotReadable, Numbers, varints
from shared.messages import Messages
from shared.texts import Stretch, Texts

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">i")
_LENGTH_AT, _UP_TO_LENGTH = 8, 12
_VERSION = 2
_CODEC, _APPEND_TIME = 0x07, 0x08
_CODECS = {0: bytes, 1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}


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
class RecordBatch:
    """The fields of a batch's records, by their positions in its data; offsets rise."""

    offsets: Numbers
    timestamps_ms: Numbers
    keys: Stretch
    values: Stretch
    headers: Stretch

    @classmethod
    def read(cls, batch: memoryview) -> Self:
        """Find all fields; raises NotReadable where they are not there."""
        if len(batch) < _HEADER.size:
            raise NotReadable
        base, _, _, version, _, attributes, _, first, latest, *_, count = _HEADER.unpack_from(batch)
        if version != _VERSION or attributes & _CODEC not in _CODECS:
            raise NotReadable
        data: bytes = _CODECS[attributes & _CODEC](bytes(batch[_HEADER.size :]))
        begins, ends = bounds(data, count)
        numbers = np.frombuffer(data, np.uint8)
        delays, at = varints(numbers, begins + 1)  # past the attributes, of which there are none
        steps, at = varints(numbers, at)
        keys, at = _stretch(data, numbers, at)
        values, at = _stretch(data, numbers, at)
        if (at >= ends).any():
            raise NotReadable
        moments = np.full(count, latest) if attributes & _APPEND_TIME else first + delays
        return cls(base + steps, moments, keys, values, Stretch(data, at, ends))

    def messages(self, topic: str, partition: int, chosen: slice, known: KnownHeaders) -> Messages:
        """Return some of the records.

        Raises UnicodeDecodeError where the name of a header is no text, NotReadable where
        headers are not as the format has them.
        """
        offsets, headers = self.offsets[chosen], self.headers.take(chosen)
        keys, values = self.keys.take(chosen), self.values.take(chosen)
        parts = (np.maximum(part.sizes, 0) for part in (keys, values, headers))
        return Messages(
            topic,
            np.full(len(offsets), partition),
            offsets,
            self.timestamps_ms[chosen],
            Texts([keys]),
            Texts([values]),
            known.of(headers),
            sum(int(part.sum()) for part in parts),
        )


def _stretch(data: bytes, numbers: npt.NDArray[np.uint8], at: Numbers) -> tuple[Stretch, Numbers]:
    """Return where texts with their lengths before them lie, and the positions past each."""
    sizes, begins = varints(numbers, at)
    return Stretch(data, begins, begins + sizes), begins + np.maximum(sizes, 0)
