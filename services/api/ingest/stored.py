"""Waiting until what was published is stored: until the store's offsets are past it."""

import asyncio
import time
from collections.abc import Mapping

from shared.database.base import Database, Reader
from shared.errors import Transient

WAIT_SECONDS = 30.0
_EVERY_SECONDS = 0.05


class Stored:
    """Asks where the loader's group stands, once for all who wait."""

    def __init__(self, database: Database, group_id: str) -> None:
        self._database = database
        self._group_id = group_id
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._next: dict[tuple[str, int], int] = {}

    async def wait(self, cluster_id: str, topic: str, offsets: Mapping[int, int]) -> bool:
        """Return True as soon as the store is past these offsets, False after WAIT_SECONDS."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    if await self._past(cluster_id, topic, offsets):
                        return True
                    await asyncio.sleep(_EVERY_SECONDS)
        except TimeoutError:
            return False

    async def _past(self, cluster_id: str, topic: str, offsets: Mapping[int, int]) -> bool:
        async with self._asking:
            if time.monotonic() - self._asked_at > _EVERY_SECONDS / 2:
                try:
                    found = await self._database.positions(Reader(cluster_id, self._group_id))
                except Transient:
                    # Away or busy: it may be back in time.
                    return False
                self._next = {(p.topic, p.partition): p.next_offset for p in found}
                self._asked_at = time.monotonic()
        return all(
            self._next.get((topic, partition), -1) > offset for partition, offset in offsets.items()
        )
