"""Turns at what a database has few of: waited for, but not for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import Transient


class Turns:
    """So many may go at once; `what` they wait for and the `advice` are told who waits too long."""

    def __init__(self, most: int, what: str, advice: str) -> None:
        self._free = asyncio.Semaphore(most)
        self._said = f"all {most} {what} of this process are in use: {advice}"

    @asynccontextmanager
    async def taken(self, wait: float) -> AsyncIterator[None]:
        """Take a turn for the block; raises Transient where there is none within `wait` seconds."""
        try:
            async with asyncio.timeout(wait):
                await self._free.acquire()
        except TimeoutError as exc:
            raise Transient(self._said) from exc
        try:
            yield
        finally:
            self._free.release()
