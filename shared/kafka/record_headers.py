"""The headers of records, read once where many records have the same: most of a source's do."""

from typing import Any

import numpy as np

from shared.kafka.varints import NotReadable, varint
from shared.messages import Headers
from shared.texts import Stretch

_KNOWN, _KNOWN_BYTES = 1_000, 1_000


class KnownHeaders:
    """Headers by the bytes they came in, so that equal ones are one object; bounded."""

    def __init__(self) -> None:
        self._known: dict[bytes, Headers] = {}

    def of(self, raw: Stretch) -> list[Headers]:
        """Return the headers of records.

        Raises NotReadable where they are not as the format has them, UnicodeDecodeError where a
        name is no text.
        """
        alike = _alike(raw)
        if alike is not None:
            return [self._one(alike)] * len(raw.begins)
        return [self._one(each or b"") for each in raw.cut()]

    def _one(self, raw: bytes) -> Headers:
        found = self._known.get(raw)
        if found is None:
            found = _read(raw)
            if len(raw) <= _KNOWN_BYTES:
                if len(self._known) >= _KNOWN:
                    self._known.clear()
                self._known[raw] = found
        return found


def _alike(raw: Stretch) -> bytes | None:
    """Return the bytes that all are, None where they differ or there are none."""
    size = int(raw.sizes[0]) if len(raw.begins) else 0
    if size <= 0 or (raw.sizes != size).any():
        return None
    first = raw.data[raw.begins[0] : raw.ends[0]]
    from_each = np.ndarray((len(raw.data) - size + 1,), f"V{size}", raw.data, strides=(1,))
    return first if from_each[raw.begins].tobytes() == first * len(raw.begins) else None


def _read(raw: bytes) -> Headers:
    try:
        count, at = varint(raw, 0)
        found: list[tuple[str, Any]] = []  # a value may be null, as aiokafka's may
        for _ in range(count):
            size, at = varint(raw, at)
            if size < 0:
                raise NotReadable
            name, at = raw[at : at + size].decode(), at + size
            size, at = varint(raw, at)
            found.append((name, raw[at : at + size] if size >= 0 else None))
            at += max(size, 0)
    except IndexError as exc:
        raise NotReadable from exc
    if at != len(raw) or count < 0:
        raise NotReadable
    return tuple(found)
