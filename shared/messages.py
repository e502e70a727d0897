"""Messages as columns: an object a record would cost as much as all that is done with it."""

from collections.abc import Iterable, Sequence
from itertools import islice
from operator import ne
from typing import Protocol, Self, overload

from shared.record import Message

Headers = Sequence[tuple[str, bytes]]

_COLUMNS = ("partitions", "offsets", "timestamps_ms", "keys", "values", "headers")


class RawRecord(Protocol):
    """A record as the client's unpacking makes it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Messages(Sequence[Message]):
    """Messages of one topic in order of arrival, each made a Message only when asked for.

    The columns are lists of the same length, by the names of a Message's fields; `bytes` is
    how much keys, values and headers hold, roughly.
    """

    __slots__ = ("bytes", "headers", "keys", "offsets", "partitions", "timestamps_ms", "topic",
                 "values")  # fmt: skip

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.partitions: list[int] = []
        self.offsets: list[int] = []
        self.timestamps_ms: list[int] = []
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.headers: list[Headers] = []
        self.bytes = 0

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Self:
        """Return messages of one topic as columns."""
        found = cls(messages[0].topic if messages else "")
        if messages:
            _, found.partitions, found.offsets, found.timestamps_ms, *rest = map(
                list, zip(*messages, strict=True)
            )
            found.keys, found.values, found.headers = rest
        return found

    @classmethod
    def unpacked(cls, topic: str, partition: int, records: Sequence[RawRecord]) -> Self:
        """Return the records of one partition as columns."""
        found = cls(topic)
        found.partitions = [partition] * len(records)
        found.offsets = [record.offset for record in records]
        found.timestamps_ms = [record.timestamp for record in records]
        found.keys = [record.key for record in records]
        found.values = [record.value for record in records]
        found.headers = _shared([record.headers for record in records])
        found.bytes = _bytes(found.keys) + _bytes(found.values)
        return found

    def extend(self, more: Self) -> None:
        """Take in the messages of the same topic that arrived next."""
        for name in _COLUMNS:
            getattr(self, name).extend(getattr(more, name))
        self.bytes += more.bytes

    def __len__(self) -> int:
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return Message(
            self.topic,
            self.partitions[index],
            self.offsets[index],
            self.timestamps_ms[index],
            self.keys[index],
            self.values[index],
            tuple(self.headers[index]),
        )


def as_columns(messages: Sequence[Message]) -> Messages:
    """Return messages as columns, those that are as they are."""
    return messages if isinstance(messages, Messages) else Messages.of(messages)


def joined(blocks: Sequence[Messages]) -> Messages:
    """Return blocks of the same topic as one; the first takes in the others."""
    first = blocks[0]
    for block in blocks[1:]:
        first.extend(block)
    return first


def _shared(headers: list[Headers]) -> list[Headers]:
    """Return headers, equal ones that follow one another as one object: most of a source's are."""
    if not any(map(ne, headers, islice(headers, 1, None))):
        return headers[:1] * len(headers)
    found, last = [], headers[0]
    for each in headers:
        if each != last:
            last = each
        found.append(last)
    return found


def _bytes(texts: Iterable[bytes | None]) -> int:
    return sum(map(len, filter(None, texts)))
