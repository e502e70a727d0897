"""Whether a processor gets on: its state is recovered and no ticker waits for long."""

import time
from collections.abc import Sequence

from services.processor.bar_agent import BarAgent
from services.processor.stream import Stream
from shared.errors import Transient
from shared.metrics import PROCESSOR_WAITING, instrument

WAITING_SECONDS = 60.0


class Readiness:
    """Judges a worker; call `check` now and then."""

    def __init__(self, stream: Stream, agents: Sequence[BarAgent]) -> None:
        self._stream = stream
        self._agents = agents
        self._since: float | None = None

    async def check(self) -> None:
        """Raise Transient where the worker does not get on, with the reason."""
        if not self._stream.ready:
            raise Transient("state is being recovered, or the group is sharing out its partitions")
        waiting = 0
        for agent in self._agents:
            count = len(agent.waiting())
            instrument(PROCESSOR_WAITING).labels(agent.name).set(count)
            waiting += count
        now = time.monotonic()
        self._since = (self._since or now) if waiting else None
        if self._since is not None and now - self._since > WAITING_SECONDS:
            raise Transient(
                f"{waiting} tickers with corrections of old bars wait for the store to hold these"
            )
