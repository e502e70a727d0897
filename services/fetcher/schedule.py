"""Runs a source again and again at its cadence, until it is told to stop."""

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable

from services.fetcher.run import RunSummary
from services.fetcher.source import Source
from shared.errors import Transient
from shared.lifecycle import pause
from shared.observability import get_logger

_JITTER = 0.1
_RETRY = dt.timedelta(minutes=15)
_log = get_logger(__name__)

Refresh = Callable[[dt.date | None], Awaitable[RunSummary]]
"""Runs a source once, asking from a day on where one is given."""


async def keep_fresh(source: Source, refresh: Refresh, stop: asyncio.Event) -> None:
    """Refresh a source at once and then every `source.every`, a tenth earlier or later.

    The first run of a process asks for everything, later ones from the last good run less the
    source's overlap on, where it has one. After a failed run the next comes within 15 minutes.
    Transient is waited out; other errors are raised. Returns when `stop` is set, after the
    request under way.
    """
    since: dt.date | None = None
    while not stop.is_set():
        begun = dt.datetime.now(dt.UTC)
        wait = min(_RETRY, source.every)
        try:
            summary = await refresh(since)
        except Transient as exc:
            _log.warning("refresh_postponed", source=source.name, reason=str(exc))
        else:
            if not summary.failed:
                wait = source.every
                since = None if source.overlap is None else (begun - source.overlap).date()
        await pause(stop, wait.total_seconds() * _spread())


def _spread() -> float:
    return random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # spreads load, guards nothing
