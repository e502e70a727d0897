"""The API's way to the broker: connected when first asked for, and again after it failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.api.problems import Problem, unavailable
from shared.errors import ConfigError, Transient
from shared.kafka import Cluster, OffsetOutOfRange, Ranges
from shared.observability import get_logger

_log = get_logger(__name__)
Connect = Callable[[], Awaitable[Cluster]]


class Records:
    """Lends one reader of the cluster to all who ask; closed by `close`."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._cluster: Cluster | None = None
        self._ranges: Ranges | None = None
        self._connecting = asyncio.Lock()

    async def cluster(self) -> Cluster:
        """Return the cluster, asked who it is where that is not known.

        Raises Transient where it does not answer, ConfigError where none is configured.
        """
        async with self._connecting:
            if self._cluster is None:
                self._cluster = await self._connect()
                self._ranges = Ranges(self._cluster)
            return self._cluster

    @asynccontextmanager
    async def ranges(self) -> AsyncIterator[Ranges]:
        """Lend a reader of offsets and records; one that fails is closed and made anew."""
        await self.cluster()
        ranges = self._ranges
        if ranges is None:
            raise Transient("the connection to the broker was closed")
        try:
            yield ranges
        except OffsetOutOfRange:
            raise
        except Transient:
            if ranges is self._ranges:
                await self.close()
            raise

    @asynccontextmanager
    async def needed(self) -> AsyncIterator[None]:
        """Raise Problem (503) where the broker is away, now or in the block, or there is none."""
        try:
            await self.cluster()
            yield
        except ConfigError as exc:
            raise Problem(503, "no-broker", f"this API reaches no broker: {exc}") from exc
        except Transient as exc:
            _log.warning("broker_away", reason=str(exc))
            raise unavailable("the broker is away") from exc

    async def close(self) -> None:
        """Close the connections; who asks later opens them again."""
        ranges, self._ranges, self._cluster = self._ranges, None, None
        if ranges is not None:
            await ranges.close()
