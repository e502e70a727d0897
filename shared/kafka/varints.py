"""The numbers within a record: zigzag, seven bits a byte, one at a time or a column at once."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
MORE, BITS = 0x80, 7
_BYTES = 10


class NotReadable(Exception):
    """A batch is of an older version, or broken: the client's own reading says what to do."""


def varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position past it.

    Raises NotReadable where it has no end, IndexError where the bytes end before it does.
    """
    found = 0
    for shift in range(0, BITS * _BYTES, BITS):
        byte = raw[at]
        at += 1
        if byte < MORE:
            found |= byte << shift
            return (found >> 1) ^ -(found & 1), at
        found |= (byte - MORE) << shift
    raise NotReadable


def varints(data: npt.NDArray[np.uint8], at: Numbers) -> tuple[Numbers, Numbers]:
    """Return the numbers at some positions, and the positions past each.

    Past the end of the data its last byte is read again. Raises NotReadable where one has no end.
    """
    found = np.zeros(len(at), np.int64)
    open_ = np.ones(len(at), np.bool_)
    for place in range(_BYTES):
        byte = data.take(at, mode="clip").astype(np.int64)
        found |= np.where(open_, (byte & ~MORE) << (BITS * place), 0)
        at = at + open_
        open_ = open_ & (byte >= MORE)
        if not open_.any():
            return (found >> 1) & np.int64(2**63 - 1) ^ -(found & 1), at
    raise NotReadable
