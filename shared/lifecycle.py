"""How a process of ours runs and ends: signals, bounded stopping, exit status."""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from shared.errors import EX_CONFIG, EX_FAILED, EX_OK, ConfigError, EconstreamError
from shared.memory import leave_pandas_out
from shared.observability import configure_logging, get_logger, report

Service = Callable[[asyncio.Event], Awaitable[int | None]]
"""Runs until it is done or the event is set, then ends by itself; may return an exit status."""

GRACE_SECONDS = 10.0
"""How long services have to end after the first signal before they are cancelled."""

_ABANDON_SECONDS = 5.0
# Batches are many small objects, none of them in a cycle: at Python's own thresholds, looking
# them through takes as long again as making them.
_GC_THRESHOLDS = (50_000, 20, 100)
# The event loop, woken by an answer, waits this long at most for a thread that computes: at
# Python's own 5 ms, a transaction of ten answers would wait longer than it works.
_SWITCH_SECONDS = 0.001
_log = get_logger(__name__)


def run(main: Service, *, grace: float = GRACE_SECONDS) -> int:
    """Run a service in an event loop of its own and return the process's exit status.

    SIGTERM or SIGINT sets the event given to `main`. After `grace` seconds, or at a second
    signal, `main` is cancelled; if even that does not end it, the process exits hard after
    5 s more (nothing rests on a clean end). Closing the event loop has 5 s, too: it waits for
    names that are being looked up. SIGHUP is ignored. Blocks; call it from the main thread.
    Status: 0, or what `main` returns; errors as `guard` says; 1 when cancelled.
    """
    last_resort = _LastResort()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_SECONDS)
    leave_pandas_out()

    def supervised() -> int:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                return runner.run(_supervise(main, grace, last_resort))
        finally:
            last_resort.disarm()

    return guard(supervised)


def guard(work: Callable[[], int | None]) -> int:
    """Call `work` and return an exit status; no exception but SystemExit leaves.

    Errors raised on purpose are told in one line: status 78 for ConfigError, else 1.
    An exception nobody expected is logged with its traceback: status 1.
    """
    try:
        return work() or EX_OK
    except KeyboardInterrupt:
        return EX_FAILED
    except Exception as exc:  # noqa: BLE001  # the process's edge: every error ends in a status
        return _status_of(exc)


async def run_together(services: Mapping[str, Service], stop: asyncio.Event) -> None:
    """Run services side by side until all have ended; log lines carry each one's name.

    The first that raises cancels the others; raises its error in an ExceptionGroup.
    """
    async with asyncio.TaskGroup() as group:
        for name, service in services.items():
            group.create_task(_named(name, service, stop), name=name)


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set or the seconds are over; return whether it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def _named(name: str, service: Service, stop: asyncio.Event) -> None:
    structlog.contextvars.bind_contextvars(service=name)
    await service(stop)


class _LastResort:
    """Exits hard where the process does not end; a thread, as the event loop may be what hangs."""

    def __init__(self) -> None:
        self._timer: threading.Timer | None = None

    def arm(self, status: int, why: str) -> None:
        """Exit with `status` in a while, unless armed again or disarmed before."""
        self.disarm()
        self._timer = threading.Timer(_ABANDON_SECONDS, _abandon, (status, why))
        self._timer.daemon = True
        self._timer.start()

    def disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _supervise(main: Service, grace: float, last_resort: _LastResort) -> int:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_on_stray_exception)
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))

    def cancel(why: str) -> None:
        if not task.done():
            report(f"{why}: cancelling what still runs")
            task.cancel()
            last_resort.arm(EX_FAILED, "not ended even when cancelled")

    def on_signal(number: signal.Signals) -> None:
        if stop.is_set():
            cancel(f"second signal ({number.name})")
        else:
            _log.info("stopping", signal=number.name, grace_seconds=grace)
            stop.set()
            loop.call_later(grace, cancel, f"not ended {grace:g} s after {number.name}")

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        status = await task or EX_OK
    except asyncio.CancelledError:
        status = EX_FAILED
    if stop.is_set():
        last_resort.arm(status, "ended, but the event loop does not close")
    return status


def _on_stray_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over a name's look-up that failed after it was given up, which uvloop would log."""
    if not isinstance(context.get("exception"), socket.gaierror):
        loop.default_exception_handler(context)


def _abandon(status: int, why: str) -> None:
    report(f"{why}: exiting hard", failed=True)
    os._exit(status)


def _status_of(exc: Exception) -> int:
    leaves = list(_leaves(exc))
    unexpected = [leaf for leaf in leaves if not isinstance(leaf, EconstreamError)]
    if unexpected:
        if not structlog.is_configured():
            configure_logging("INFO", "console", "econstream")
        for leaf in unexpected:
            _log.critical("unexpected_error", error=repr(leaf), exc_info=leaf)
    for text in dict.fromkeys(str(leaf) for leaf in leaves if isinstance(leaf, EconstreamError)):
        report(text, failed=True)
    if not unexpected and any(isinstance(leaf, ConfigError) for leaf in leaves):
        return EX_CONFIG
    return EX_FAILED


def _leaves(exc: BaseException) -> list[BaseException]:
    if isinstance(exc, BaseExceptionGroup):
        return [leaf for inner in exc.exceptions for leaf in _leaves(inner)]
    return [exc]


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


__all__ = ["GRACE_SECONDS", "Service", "guard", "pause", "run", "run_together"]
