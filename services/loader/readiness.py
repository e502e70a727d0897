"""Whether a loader gets on: the database answers, and positions move while there is lag."""

import time

from services.loader.progress import Progress
from shared.errors import Transient

AWAY_SECONDS = 30.0
STILL_SECONDS = 30.0


class Readiness:
    """Judges a loader by its progress; call `check` now and then."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._records = -1
        self._moved = time.monotonic()

    async def check(self) -> None:
        """Raise Transient where the loader does not get on, with the reason."""
        now, progress = time.monotonic(), self._progress
        if progress.records != self._records or not progress.lag:
            self._records, self._moved = progress.records, now
        if progress.away_since is not None and now - progress.away_since > AWAY_SECONDS:
            raise Transient(f"the database is away since {now - progress.away_since:.0f} s")
        if now - self._moved > STILL_SECONDS:
            raise Transient(
                f"{progress.lag} records wait and none was stored for {now - self._moved:.0f} s"
            )
