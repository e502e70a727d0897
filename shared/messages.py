"""Messages as columns: an object a record would cost as much as all that is done with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from operator import ne
from typing import Protocol, Self, overload

import numpy as np
import numpy.typing as npt

from shared.record import Message
from shared.texts import Texts

Headers = Sequence[tuple[str, bytes]]
Numbers = npt.NDArray[np.int64]


class RawRecord(Protocol):
    """A record as the client's unpacking makes it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True, eq=False)
class Messages(Sequence[Message]):
    """Messages of one topic in order of arrival, each made a Message only when asked for.

    The columns are of the same length, by the names of a Message's fields; `size_bytes` is how
    much the messages hold, roughly.
    """

    topic: str
    partitions: Numbers
    offsets: Numbers
    timestamps_ms: Numbers
    keys: Texts
    values: Texts
    headers: list[Headers]
    size_bytes: int

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Self:
        """Return messages of one topic as columns."""
        if not messages:
            return cls.of_columns("", [], [], [], [], [], [])
        _, *columns = map(list, zip(*messages, strict=True))
        return cls.of_columns(messages[0].topic, *columns)

    @classmethod
    def unpacked(cls, topic: str, partition: int, records: Sequence[RawRecord]) -> Self:
        """Return the records of one partition as columns."""
        return cls.of_columns(
            topic,
            [partition] * len(records),
            [record.offset for record in records],
            [record.timestamp for record in records],
            [record.key for record in records],
            [record.value for record in records],
            _shared([record.headers for record in records]),
        )

    @classmethod
    def of_columns(
        cls,
        topic: str,
        partitions: Sequence[int],
        offsets: Sequence[int],
        timestamps_ms: Sequence[int],
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        headers: list[Headers],
    ) -> Self:
        """Return messages whose columns are given as lists."""
        size = sum(map(len, filter(None, chain(keys, values))))
        return cls(
            topic,
            np.array(partitions, np.int64),
            np.array(offsets, np.int64),
            np.array(timestamps_ms, np.int64),
            Texts.of(keys),
            Texts.of(values),
            headers,
            size,
        )

    @classmethod
    def joined(cls, blocks: Sequence[Self]) -> Self:
        """Return the messages of blocks, of which there is one at least, one after the other."""
        if len(blocks) == 1:
            return blocks[0]
        return cls(
            blocks[0].topic,
            np.concatenate([block.partitions for block in blocks]),
            np.concatenate([block.offsets for block in blocks]),
            np.concatenate([block.timestamps_ms for block in blocks]),
            Texts.joined(block.keys for block in blocks),
            Texts.joined(block.values for block in blocks),
            list(chain.from_iterable(block.headers for block in blocks)),
            sum(block.size_bytes for block in blocks),
        )

    def places(self) -> Iterator[tuple[int, int]]:
        """Return each message's partition and offset."""
        return zip(self.partitions.tolist(), self.offsets.tolist(), strict=True)

    def __len__(self) -> int:
        return len(self.offsets)

    def __iter__(self) -> Iterator[Message]:
        numbers = (self.partitions.tolist(), self.offsets.tolist(), self.timestamps_ms.tolist())
        headers = map(tuple, self.headers)
        return map(Message, repeat(self.topic), *numbers, self.keys, self.values, headers)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        return Message(
            self.topic,
            int(self.partitions[index]),
            int(self.offsets[index]),
            int(self.timestamps_ms[index]),
            self.keys[index],
            self.values[index],
            tuple(self.headers[index]),
        )


def as_columns(messages: Sequence[Message]) -> Messages:
    """Return messages as columns, those that are as they are."""
    return messages if isinstance(messages, Messages) else Messages.of(messages)


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
