"""Whether a processor gets on: state is recovered, records that wait are taken, no ticker waits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from shared.errors import Transient
from shared.kafka import TopicPartition
from shared.lifecycle import pause
from shared.metrics import PROCESSOR_LAG, PROCESSOR_WAITING, instrument

LOOK_SECONDS = 5.0
WAITING_SECONDS = 60.0
_ASK_SECONDS = 5.0

Ends = Callable[[list[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
"""Returns where partitions end; raises Transient while the broker is away."""


class Worker(Protocol):
    """What reads the topics."""

    @property
    def ready(self) -> bool:
        """Whether state is recovered and records are handled."""

    @property
    def handled(self) -> int:
        """How many records were handled."""

    def unhandled(self) -> dict[TopicPartition, int]:
        """Return the first offset of each partition that is not handled."""


class Waiting(Protocol):
    """What has tickers that wait for the store."""

    @property
    def name(self) -> str:
        """Whose tickers."""

    def waiting(self) -> list[str]:
        """Return them."""


class Readiness:
    """Judges a worker: `watch` looks now and then, `check` tells what it saw."""

    def __init__(self, worker: Worker, agents: Sequence[Waiting], ends: Ends) -> None:
        self._worker = worker
        self._agents = agents
        self._ends = ends
        self._waiting = self._lag = 0
        self._waiting_since = self._still_since = float("inf")
        self._handled = 0

    async def watch(self, stop: asyncio.Event) -> None:
        """Look until `stop`; what is seen is told to Prometheus, too."""
        while not await pause(stop, LOOK_SECONDS):
            await self.look()

    async def look(self) -> None:
        """Look once how far the worker is."""
        now = time.monotonic()
        self._waiting = 0
        for agent in self._agents:
            count = len(agent.waiting())
            instrument(PROCESSOR_WAITING).labels(agent.name).set(count)
            self._waiting += count
        self._waiting_since = min(self._waiting_since, now) if self._waiting else float("inf")
        await self._measure()
        moved, self._handled = self._handled != self._worker.handled, self._worker.handled
        still = self._lag and not moved
        self._still_since = min(self._still_since, now) if still else float("inf")

    async def _measure(self) -> None:
        read = self._worker.unhandled()
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                ends = await self._ends(list(read))
        except (Transient, TimeoutError):
            return  # the broker is asked, and its silence told, by a check of its own
        self._lag = 0
        for place, offset in read.items():
            lag = max(ends[place] - offset, 0)
            instrument(PROCESSOR_LAG).labels(place.topic, str(place.partition)).set(lag)
            self._lag += lag

    async def check(self) -> None:
        """Raise Transient where the worker does not get on, with the reason."""
        if not self._worker.ready:
            raise Transient("state is being recovered, or the group is sharing out its partitions")
        before = time.monotonic() - WAITING_SECONDS
        if self._still_since < before:
            raise Transient(
                f"{self._lag} records wait and none was handled for {WAITING_SECONDS:.0f} s"
            )
        if self._waiting_since < before:
            raise Transient(
                f"{self._waiting} tickers with corrections of old bars wait for the store to "
                "hold these"
            )
