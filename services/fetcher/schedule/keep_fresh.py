"""Runs a source again and again when it is due, until it is told to stop."""

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from services.fetcher.runs.metrics import tell_circuit, tell_due
from services.fetcher.runs.run import RunSummary
from services.fetcher.schedule.cadence import Breaker
from services.fetcher.source import Source
from shared.errors import Transient
from shared.lifecycle import pause
from shared.observability import get_logger

T = TypeVar("T")
Refresh = Callable[[bool], Coroutine[Any, Any, RunSummary]]
"""Runs a source once; only to see whether its upstream is alive again where that is true."""

_JITTER = 0.1
_LATEST = dt.timedelta(minutes=10)
_RETRY = dt.timedelta(minutes=1)
_LONGEST_REST = dt.timedelta(days=1)
_log = get_logger(__name__)


async def keep_fresh(
    source: Source,
    refresh: Refresh,
    stop: asyncio.Event,
    changed: asyncio.Event,
    due: dt.datetime | None = None,
) -> None:
    """Refresh a source whenever it is due, a little late so that not all ask at once.

    `due` is when it becomes, or became, due after what was had before this process began: what
    became due meanwhile is caught up with at once, and without it so is everything. Refreshes
    at once, too, when `changed` is set, which says that more is watched. A run that had nothing
    is repeated after a minute, then two, four and so on; one that was told to wait waits.
    Transient is waited out; other errors are raised. Returns when `stop` is set; a run under
    way is cancelled.
    """
    breaker = Breaker()
    due = due or _now()
    tell_circuit(source.name, is_open=False)
    tell_due(source.name, due)
    _log.info("refresh_planned", source=source.name, at=due.isoformat(timespec="seconds"))
    while not await _until(due, stop, changed):
        changed.clear()
        try:
            summary = await unless_stopped(stop, refresh(breaker.is_open))
        except Transient as exc:
            _log.warning("refresh_postponed", source=source.name, reason=str(exc))
            due = min(_now() + _RETRY, source.due_after(_now()))
            continue
        if summary is not None:
            due = _next(source, summary, breaker)
            _log.info("refresh_planned", source=source.name, at=due.isoformat(timespec="seconds"))
            await _rest(summary, stop)


def _next(source: Source, summary: RunSummary, breaker: Breaker) -> dt.datetime:
    """Return when to refresh again after a run."""
    now = _now()
    due = summary.due or source.due_after(now)
    breaker.note(failed=summary.status == "failed" or summary.cut_short)
    tell_circuit(source.name, is_open=breaker.is_open)
    if not breaker.failures:
        tell_due(source.name, due)
    else:
        due = min(due, now + breaker.wait)
    if breaker.failures == Breaker.OPENS_AFTER:
        _log.warning("source_dead", source=source.name, reason=summary.message)
    return due + min(_LATEST, (due - now) * _JITTER) * random.random()  # noqa: S311


async def _rest(summary: RunSummary, stop: asyncio.Event) -> None:
    """Leave the upstream alone for as long as it asked, a day at most, whatever changes."""
    if summary.rest_until is not None:
        seconds = min(_LONGEST_REST, summary.rest_until - _now()).total_seconds()
        await pause(stop, max(0.0, seconds))


async def _until(due: dt.datetime, stop: asyncio.Event, changed: asyncio.Event) -> bool:
    """Wait until a time comes or an event is set; return whether `stop` is."""
    seconds = (due - _now()).total_seconds()
    if seconds > 0 and not stop.is_set():
        await _pause(stop, changed, seconds)
    return stop.is_set()


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


async def _pause(stop: asyncio.Event, changed: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set or the seconds are over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, changed)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancelled(*waiting)


async def _cancelled(*tasks: Awaitable[Any]) -> None:
    for task in tasks:
        if isinstance(task, asyncio.Future):
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
