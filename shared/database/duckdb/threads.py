"""Blocking calls of DuckDB on threads, which a cancelled task interrupts and outlives."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

import duckdb

from shared.database.duckdb.faults import translated
from shared.errors import Transient

INTERRUPT_SECONDS = 30.0
_AGAIN_SECONDS = 0.01
T = TypeVar("T")


class Call(Generic[T]):
    """One blocking call on a connection: interrupted while it works, and never after."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, work: Callable[["Call[T]"], T]
    ) -> None:
        self._connection = connection
        self._work = work
        self._lock = threading.Lock()
        self._settled = False
        self._abandoned = False

    def __call__(self) -> T:
        try:
            return self._work(self)
        finally:
            self.settle()

    def check(self) -> None:
        """Raise Transient once nobody waits for the outcome any more."""
        if self._abandoned:
            raise Transient("interrupted")

    def settle(self) -> None:
        """Let no interrupt come any more: what follows must not be broken off."""
        with self._lock:
            self._settled = True

    def interrupt(self) -> None:
        """Break off the statement that runs; `check` refuses to begin another."""
        with self._lock:
            self._abandoned = True
            if not self._settled:
                self._connection.interrupt()


async def run(threads: ThreadPoolExecutor, call: Call[T]) -> T:
    """Return a call's outcome, with DuckDB's errors translated.

    Cancelling withdraws a call that has not begun; one that runs is interrupted, and has
    ended when CancelledError is raised.
    """
    future = threads.submit(call)
    try:
        with translated():
            return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        waits = round(INTERRUPT_SECONDS / _AGAIN_SECONDS)
        while not (future.cancel() or future.done()) and (waits := waits - 1):
            call.interrupt()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(_AGAIN_SECONDS)
        raise
