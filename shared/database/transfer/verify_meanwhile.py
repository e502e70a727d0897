"""Checksums of the parts that are stored, computed while the next ones are moved.

Whoever moves rows waits for a server, and a server for rows: what idles meanwhile is enough for
most of the verification. A part that does not agree at once, or cannot be asked for, is left.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from shared.database.transfer.compare import same_rows
from shared.database.transfer.parts import Span, Unit
from shared.database.transfer.source import Side
from shared.database.transfer.verify import AT_ONCE, TOGETHER, Known
from shared.errors import EconstreamError


class Meanwhile:
    """What is known of units whose parts a transfer stores, from their first one on."""

    def __init__(self, source: Side, target: Side) -> None:
        self._source = source
        self._target = target
        self._waiting: deque[tuple[Unit, Sequence[Span]]] = deque()
        self._gathered: list[Span] = []
        self._more = asyncio.Semaphore(0)
        self._ended = False
        self.found: dict[str, Known] = {}

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Compute checksums, in tasks that end with `end`, or cancelled."""
        for _ in range(AT_ONCE):
            tasks.create_task(self._check())

    def stored(self, unit: Unit, span: Span, same: int | None) -> None:
        """Take note of a unit's next part: it is stored, or has `same` rows on both sides."""
        known = self.found.setdefault(unit.name, Known())
        if same is None:
            self._gathered.append(span)
        else:
            known.same += same
        if same is not None or span.upto is None or len(self._gathered) == TOGETHER:
            self._hand_on(unit)

    def end(self) -> None:
        """Begin no other checksum: what waits is left."""
        self._ended = True
        for unit, group in self._waiting:
            self.found[unit.name].left.append(group)
        for _ in range(AT_ONCE):
            self._more.release()

    def _hand_on(self, unit: Unit) -> None:
        if self._gathered:
            self._waiting.append((unit, self._gathered))
            self._gathered = []
            self._more.release()

    async def _check(self) -> None:
        while True:
            await self._more.acquire()
            if self._ended:
                return
            unit, group = self._waiting.popleft()
            known, same = self.found[unit.name], None
            with suppress(EconstreamError):  # it is raised again where it lasts to the end
                whole = Span(group[0].after, group[-1].upto)
                same = await same_rows(self._source, self._target, unit, whole)
            if same is None:
                known.left.append(group)
            else:
                known.same += same
