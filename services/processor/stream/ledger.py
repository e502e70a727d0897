"""What of each partition was handed on, and what handled: up to where offsets are committed."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Place = TypeVar("Place", bound=Hashable)


class Ledger(Generic[Place]):
    """Keeps account of partitions, each of which is read from some offset on without a hole.

    What is handed on covers a range of offsets: from where the record before it ended to behind
    its own, so that offsets which hold no record (marks of transactions, compacted ones) count as
    well. Only what was handled, and all before it, is behind `next`: a record that was dropped on
    its way stays before it for ever, until the partition is read from there again.
    """

    def __init__(self) -> None:
        self._accounts: dict[Place, _Account] = {}

    def begin(self, place: Place, offset: int) -> None:
        """Note that a partition is read from an offset on; what was in hand counts no more."""
        self._accounts[place] = _Account(offset)

    def forget(self, place: Place) -> None:
        """Note that a partition is read no more."""
        self._accounts.pop(place, None)

    def deliver(self, place: Place, end: int, *, waits: bool) -> None:
        """Note that what lies between `read` and an offset was handed on.

        `waits`: the last of these offsets holds a record that is to be handled.
        """
        account = self._accounts[place]
        begin, account.read = account.read, end
        if waits:
            account.in_hand[end - 1] = begin
        else:
            account.done(begin, end)

    def handled(self, place: Place, offset: int) -> None:
        """Note that a record was handled; one that was not handed on since `begin` is ignored."""
        account = self._accounts.get(place)
        if account is not None and (begin := account.in_hand.pop(offset, None)) is not None:
            account.done(begin, offset + 1)

    def next(self, place: Place) -> int | None:
        """Return the first offset that is not handled, None where the partition is not read."""
        account = self._accounts.get(place)
        return None if account is None else account.next

    def read(self, place: Place) -> int | None:
        """Return behind which offset nothing was handed on yet."""
        account = self._accounts.get(place)
        return None if account is None else account.read

    def __iter__(self) -> Iterator[Place]:
        """Yield the partitions that are read."""
        return iter(self._accounts)


class _Account:
    """One partition: the begin of what is in hand by its offset, the end of what is done early."""

    __slots__ = ("_early", "in_hand", "next", "read")

    def __init__(self, offset: int) -> None:
        self.next = self.read = offset
        self.in_hand: dict[int, int] = {}
        self._early: dict[int, int] = {}

    def done(self, begin: int, end: int) -> None:
        self._early[begin] = end
        while (reached := self._early.pop(self.next, None)) is not None:
            self.next = reached
