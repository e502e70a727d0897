"""Waits for conditions with a bound, so that no test sleeps and hopes."""

import asyncio
import inspect
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

T = TypeVar("T")
MOST_STRETCH = 3.0


def stretched(seconds: float) -> float:
    """Return a bound for the machine as it is now: several times as long where it is as busy.

    A bound says how long something may take that has a core to itself.
    """
    return seconds * min(MOST_STRETCH, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


@overload
async def until(
    condition: Callable[[], Coroutine[Any, Any, T]], within: float = ..., *, every: float = ...
) -> T: ...
@overload
async def until(condition: Callable[[], T], within: float = ..., *, every: float = ...) -> T: ...
async def until(condition: Callable[[], Any], within: float = 15.0, *, every: float = 0.02) -> Any:
    """Return what `condition` (plain or async) answers as soon as that is true.

    Fails with the last answer when `within` seconds have passed, stretched on a busy machine.
    """
    began = time.monotonic()
    while True:
        answer = condition()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= began + stretched(within):
            raise AssertionError(f"not within {within:g} s; the last answer was {value!r}")
        await asyncio.sleep(every)


def until_sync(condition: Callable[[], T], within: float = 15.0, *, every: float = 0.02) -> T:
    """Return what `condition` answers as soon as that is true, blocking meanwhile."""
    began = time.monotonic()
    while not (value := condition()):
        if time.monotonic() >= began + stretched(within):
            raise AssertionError(f"not within {within:g} s; the last answer was {value!r}")
        time.sleep(every)
    return value
