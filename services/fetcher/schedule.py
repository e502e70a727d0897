"""Runs a source again and again at its cadence, until it is told to stop."""

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.fetcher.run import RunSummary
from services.fetcher.source import Source
from shared.errors import Transient
from shared.observability import get_logger

T = TypeVar("T")
Refresh = Callable[[dt.date | None], Coroutine[Any, Any, RunSummary]]
"""Runs a source once, asking from a day on where one is given."""

_JITTER = 0.1
_RETRY = dt.timedelta(minutes=15)
_log = get_logger(__name__)


async def keep_fresh(
    source: Source, refresh: Refresh, stop: asyncio.Event, changed: asyncio.Event
) -> None:
    """Refresh a source at once, then every `source.every`, a tenth earlier or later.

    Refreshes at once when `changed` is set, which says that more is watched. A run that had
    nothing is repeated in 15 minutes.
    Transient is waited out; other errors are raised. Returns when `stop` is set; a run under
    way is cancelled.
    """
    while not stop.is_set():
        changed.clear()
        wait = min(_RETRY, source.every)
        try:
            summary = await unless_stopped(stop, refresh(None))
        except Transient as exc:
            _log.warning("refresh_postponed", source=source.name, reason=str(exc))
        else:
            if summary is not None and summary.status != "failed":
                wait = source.every
        await _pause(stop, changed, wait.total_seconds() * _spread())


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what `work` returns, or None where `stop` is set first; `work` is cancelled then."""
    if stop.is_set():
        work.close()
        return None
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        await _cancelled(stopping, task)


async def _pause(stop: asyncio.Event, changed: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set or the seconds are over; return whether `changed` is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, changed)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancelled(*waiting)
    return changed.is_set()


async def _cancelled(*tasks: Awaitable[Any]) -> None:
    for task in tasks:
        if isinstance(task, asyncio.Future):
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _spread() -> float:
    return random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311  # spreads load, guards nothing
