"""The keys or values of many records, left where they came in: cutting each out costs more."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Self, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Positions = npt.NDArray[np.int64]
_NEWLINE = b"\n"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Texts within one piece of data, in order; one that is null ends before it begins.

    Behind each lies a byte that is part of none.
    """

    data: bytes
    begins: Positions
    ends: Positions

    @property
    def sizes(self) -> Positions:
        """How many bytes each has; fewer than none where it is null."""
        return self.ends - self.begins

    def take(self, chosen: slice | Positions) -> "Stretch":
        """Return some of the texts."""
        return Stretch(self.data, self.begins[chosen], self.ends[chosen])

    def cut(self) -> list[bytes | None]:
        """Return each text by itself."""
        data, nulls = self.data, (self.ends < self.begins).any()
        pairs = zip(self.begins.tolist(), self.ends.tolist(), strict=True)
        if nulls:
            return [data[begin:end] if begin <= end else None for begin, end in pairs]
        return [data[begin:end] for begin, end in pairs]

    def lines(self) -> memoryview:
        """Return the texts, a line break behind each; one that is null is an empty line."""
        edges = np.empty(2 * len(self.begins), np.int64)
        edges[0::2] = self.begins
        edges[1::2] = np.maximum(self.ends, self.begins) + 1
        broken = np.frombuffer(self.data, np.uint8)[edges[0] : edges[-1]].copy()
        edges -= edges[0]
        broken[edges[1::2] - 1] = _NEWLINE[0]
        # Texts and what lies between them, as one array of both by turns.
        buffers = [None, pa.py_buffer(edges), pa.py_buffer(broken)]
        both = pa.Array.from_buffers(pa.large_binary(), len(edges) - 1, buffers)
        return memoryview(both.take(pa.array(np.arange(0, len(edges), 2))).buffers()[2])


class Texts(Sequence[bytes | None]):
    """Texts of records, as they are in the data of several batches."""

    __slots__ = ("_starts", "stretches")

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self.stretches = [stretch for stretch in stretches if len(stretch.begins)]
        lengths = (len(stretch.begins) for stretch in self.stretches)
        self._starts = np.fromiter(accumulate(lengths, initial=0), np.int64)

    @classmethod
    def of(cls, texts: Iterable[bytes | None]) -> Self:
        """Return texts that are each by itself."""
        given = list(texts)
        data = _NEWLINE.join([text or b"" for text in given]) + _NEWLINE
        sizes = np.array([-1 if text is None else len(text) for text in given], np.int64)
        begins = np.cumsum(np.maximum(sizes, 0) + 1) - np.maximum(sizes, 0) - 1
        return cls([Stretch(data, begins, begins + sizes)])

    @classmethod
    def joined(cls, several: Iterable[Self]) -> Self:
        """Return the texts of several, one after the other."""
        return cls(chain.from_iterable(texts.stretches for texts in several))

    @property
    def sizes(self) -> Positions:
        """How many bytes each has; fewer than none where it is null."""
        return np.concatenate([np.empty(0, np.int64), *(s.sizes for s in self.stretches)])

    def take(self, positions: Positions) -> Self:
        """Return the texts at positions, which rise."""
        edges = np.searchsorted(positions, self._starts)
        return type(self)(
            stretch.take(positions[low:high] - start)
            for stretch, start, low, high in zip(
                self.stretches, self._starts, edges, edges[1:], strict=False
            )
        )

    def lines(self) -> bytes:
        """Return the texts, a line break behind each; one that is null is an empty line."""
        return b"".join([stretch.lines() for stretch in self.stretches])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __iter__(self) -> Iterator[bytes | None]:
        for stretch in self.stretches:
            yield from stretch.cut()

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes | None]: ...

    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes | None] | None:
        if isinstance(index, slice):
            return list(self)[index]
        place = range(len(self))[index]
        number = int(np.searchsorted(self._starts, place, "right")) - 1
        stretch, at = self.stretches[number], place - self._starts[number]
        begin, end = stretch.begins[at], stretch.ends[at]
        return stretch.data[begin:end] if begin <= end else None
