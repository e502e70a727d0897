"""Whether a loader gets on: the database answers, positions move while there is lag, none halts."""

import time

from services.loader.progress import Progress
from shared.errors import Transient

AWAY_SECONDS = 30.0
STILL_SECONDS = 30.0


class Readiness:
    """Judges a loader by its progress; call `check` now and then."""

    def __init__(
        self,
        progress: Progress,
        *,
        away_seconds: float = AWAY_SECONDS,
        still_seconds: float = STILL_SECONDS,
    ) -> None:
        self._progress = progress
        self._away_seconds = away_seconds
        self._still_seconds = still_seconds

    async def check(self) -> None:
        """Raise Transient where the loader does not get on, with the reason."""
        now, progress = time.monotonic(), self._progress
        if progress.away_since is not None and now - progress.away_since > self._away_seconds:
            raise Transient(f"the database is away since {now - progress.away_since:.0f} s")
        if progress.halts:
            raise Transient("; ".join(progress.halts.reasons))
        still = [
            (since, tp)
            for tp, since in progress.standing.items()
            if now - since > self._still_seconds
        ]
        if still:
            since, tp = min(still)
            raise Transient(
                f"{len(still)} partitions have records that wait and none was stored, "
                f"{tp.topic}[{tp.partition}] for {now - since:.0f} s"
            )
