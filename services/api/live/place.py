"""Where a reader of changes stands in a topic, and the token by which it comes back there."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

_SUM_BYTES = 9
_MOST = 4_096
"""Letters of a token at most: some hundred partitions."""

Place = Mapping[int, "Stand"]
"""Where a reader stands in each partition of a topic."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a reader stands in a partition.

    epoch    the reading of the topic that it follows
    offset   of the record that comes next
    earlier  (epoch, offset) where it stood when each earlier epoch ended for it
    """

    epoch: int
    offset: int
    earlier: tuple[tuple[int, int], ...] = ()

    def wants(self, epoch: int, offset: int) -> bool:
        """Return whether a version is news that this epoch, or one before, made of an offset.

        After a restart the topic's old records come by again: what they became before is news
        where the reader had not come so far.
        """
        if epoch == self.epoch:
            return True
        seen = any(epoch <= ended and offset < at for ended, at in self.earlier)
        return bool(self.earlier) and epoch < self.epoch and not seen

    def at(self, offset: int) -> "Stand":
        """Return the stand at another offset of the same epoch."""
        return Stand(self.epoch, offset, self.earlier)

    def restarted(self, epoch: int, begin: int) -> "Stand":
        """Return the stand at the beginning of another epoch.

        In one that is no later, as a restored database brings it, nothing counts as seen.
        """
        if epoch <= self.epoch:
            return Stand(epoch, begin)
        known = [(e, at) for e, at in self.earlier if at > self.offset]
        return Stand(epoch, begin, (*known, (self.epoch, self.offset)))


def write_token(topic: str, place: Place) -> str:
    """Return the token of a place in a topic."""
    stands = [[p, s.epoch, s.offset, *map(list, s.earlier)] for p, s in sorted(place.items())]
    payload = json.dumps(stands, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(topic, payload) + payload).decode().rstrip("=")


def read_place(topic: str, token: str) -> Place:
    """Return the place that a token names; raises ValueError for one that was not given here."""
    try:
        if len(token) > _MOST:
            raise ValueError("too long")
        raw = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("not an id that this stream gave") from exc
    payload = raw[_SUM_BYTES:]
    if raw[:_SUM_BYTES] != _checksum(topic, payload):
        raise ValueError("not an id that this stream gave: connect without one")
    return dict(_stands(json.loads(payload)))


def _stands(found: list[Any]) -> Iterator[tuple[int, Stand]]:
    for partition, epoch, offset, *earlier in found:
        yield partition, Stand(epoch, offset, tuple((e, at) for e, at in earlier))


def _checksum(topic: str, payload: bytes) -> bytes:
    """Guards against mistakes, not against malice: a forged token only names another place."""
    return blake2b(payload, digest_size=_SUM_BYTES, key=blake2b(topic.encode()).digest()).digest()
