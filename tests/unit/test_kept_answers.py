"""Answers that are kept as files: they go in time, whoever asks for more."""

import weakref
from collections.abc import AsyncGenerator

from starlette.requests import Request

from services.api.ranges import MOST_KEPT, Kept, Ranges
from tests.waiting import until


async def _parts() -> AsyncGenerator[bytes, None]:
    yield b"abc"


def _request(path: str) -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    )


async def _kept(ranges: Ranges, path: str) -> weakref.ref[Kept]:
    kept = await ranges.keep(_request(path), "text/csv", _parts())
    assert kept is not None
    return weakref.ref(kept)


async def test_an_answer_is_dropped_in_time_though_nobody_asks_again() -> None:
    ranges = Ranges(keep_seconds=0.05)
    kept = [await _kept(ranges, "/a"), await _kept(ranges, "/b")]
    await until(lambda: all(each() is None for each in kept))


async def test_what_was_asked_for_last_stays() -> None:
    ranges = Ranges()
    kept = [await _kept(ranges, f"/{number}") for number in range(MOST_KEPT + 1)]
    assert [each() is None for each in kept] == [True] + [False] * MOST_KEPT
    assert ranges.find(_request("/1"), "text/csv") is kept[1]()
    assert ranges.find(_request("/0"), "text/csv") is None
