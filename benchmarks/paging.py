"""Pages of JSON over HTTP, beside the obvious FastAPI route that returns a list of dicts.

That route is taken as FastAPI's default encoder writes its answer, and, as `typed`, as pydantic
does where the type of the answer is declared, which is several times as fast.

Both are processes of their own over the same PostgreSQL, each held to one core. Rates are requests
answered in a fixed time by a few connections that ask again at once, side by side in each round.
Then fifty connections together ask for a third of the rate just measured, evenly spread, and the
time of each answer counts from when it was due.
"""

import argparse
import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from benchmarks.reading import DATASET, fill
from benchmarks.rig import machine
from benchmarks.rig.places import found
from benchmarks.rig.progress import tell
from benchmarks.rig.serving import serving
from shared.settings import Settings

_CONNECTIONS, _OPEN = 4, 50
_OURS, _OBVIOUS, _TYPED = f"/v1/data/{DATASET}?limit=1000", "/rows", "/typed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--table-rows", type=int, default=100_000, help="rows of the table")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are asked")
    parser.add_argument("--quick", action="store_true", help="a second, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result. Blocks."""
    if options.quick:
        options.table_rows, options.seconds, options.rounds = 5_000, 1.0, 1
    with found(postgres=True) as places:
        yield asyncio.run(_compare(places, options))


async def _compare(places: Any, options: argparse.Namespace) -> dict[str, Any]:
    async with places.settings("postgresql") as settings:
        await fill(settings, options.table_rows)
        async with _served(settings) as ours:
            async with _served(settings, "benchmarks.rig.obvious") as obvious:
                rates = await _alternate(ours, obvious, options)
            rate = median(mine for mine, *_ in rates) / 3
            waits = await _evenly(ours, rate, options.seconds)
    return {
        "benchmark": "paging",
        "rows_a_page": 1_000,
        "pages_per_second": round(median(mine for mine, *_ in rates), 1),
        "obvious": _beside([(mine, other) for mine, other, _ in rates]),
        "typed": _beside([(mine, other) for mine, _, other in rates]),
        "evenly": {
            "connections": _OPEN,
            "pages_per_second": round(rate, 1),
            "p50_ms": round(waits[len(waits) // 2] * 1000, 1),
            "p99_ms": round(waits[int(len(waits) * 0.99)] * 1000, 1),
        },
        "machine": machine.machine(),
    }


def _beside(rates: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "pages_per_second": round(median(other for _, other in rates), 1),
        "ratio": round(median(mine / other for mine, other in rates), 2),
    }


async def _alternate(
    ours: int, obvious: int, options: argparse.Namespace
) -> list[tuple[float, float, float]]:
    rates = []
    for _ in range(options.rounds):
        mine = await _rate(ours, _OURS, options.seconds)
        other = await _rate(obvious, _OBVIOUS, options.seconds)
        typed = await _rate(obvious, _TYPED, options.seconds)
        tell(f"pages a second: {mine:.1f}, obvious {other:.1f}, with a declared type {typed:.1f}")
        rates.append((mine, other, typed))
    return rates


async def _rate(port: int, path: str, seconds: float) -> float:
    """Return the answers a second that a few connections get which ask again at once."""
    end = time.perf_counter() + seconds

    async def ask() -> int:
        count = 0
        async with _connected(port) as (reader, writer):
            while time.perf_counter() < end:
                await _page(reader, writer, path)
                count += 1
        return count

    began = time.perf_counter()
    counts = await asyncio.gather(*(ask() for _ in range(_CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - began)


async def _evenly(port: int, rate: float, seconds: float) -> list[float]:
    """Return the sorted times of answers that are asked for evenly, each from when it was due."""
    began = time.perf_counter() + 0.5
    waits: list[float] = []

    async def ask(number: int) -> None:
        due = began + number / rate
        async with _connected(port) as (reader, writer):
            while due < began + seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await _page(reader, writer, _OURS)
                waits.append(time.perf_counter() - due)
                due += _OPEN / rate

    await asyncio.gather(*(ask(number) for number in range(_OPEN)))
    return sorted(waits)


@asynccontextmanager
async def _connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        yield reader, writer
    finally:
        writer.close()


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


@asynccontextmanager
async def _served(settings: Settings, module: str = "services.api") -> AsyncIterator[int]:
    """Run a server as a process on the first core; this one keeps all."""
    async with serving(settings, module) as (port, process):
        process.cpu_affinity(sorted(os.sched_getaffinity(0))[:1])
        yield port
