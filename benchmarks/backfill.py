"""What a long backfill holds in memory: the fetcher's resident set over a million rows.

A real fetcher process asks a server on this machine for several series, each answer as long as
FRED gives any, and publishes them on Kafka; its resident memory is sampled all the while.
`before` is what it holds when it is connected and has asked nothing. `flat` compares the peaks
of the answers after the first, which warms the allocators: a fetcher that kept what it had
published would climb with every answer.
"""

import argparse
import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rig import machine
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.progress import tell
from benchmarks.rig.upstream import upstream
from shared.errors import Fatal
from shared.registry import discover

_EVERY_S = 0.02
_WITHIN_S = 900.0
_MB = 1024 * 1024
ALLOWED_MB = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the backfill")
    parser.add_argument("--answer-rows", type=int, default=100_000, help="rows in an answer")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the one result. Blocks."""
    if options.quick:
        options.rows, options.answer_rows = options.rows // 10, options.answer_rows // 10
    with found(postgres=False) as places, asyncio.Runner() as runner:
        result = runner.run(_backfill(places, options.rows, options.answer_rows))
    tell(f"{result['rows']:,} rows, peak {result['peak_mb']} MB, {result['spread_mb']} MB apart")
    yield {"benchmark": "backfill", **result, "machine": machine.machine()}


@dataclass(slots=True)
class Memory:
    """Resident memory of a process, the peak of each part of its work."""

    pid: int
    before: int = 0
    peaks: list[int] = field(default_factory=lambda: [0])

    async def watch(self) -> None:
        """Sample until cancelled."""
        while True:
            self.peaks[-1] = max(self.peaks[-1], self.resident())
            await asyncio.sleep(_EVERY_S)

    def resident(self) -> int:
        """Return the bytes that are resident now."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def result(self) -> dict[str, Any]:
        """Return what was sampled, in MB."""
        settled = self.peaks[1:] or self.peaks
        spread = round((max(settled) - min(settled)) / _MB)
        return {
            "before_mb": round(self.before / _MB),
            "peak_mb": round(max(self.peaks) / _MB),
            "peaks_mb": [round(peak / _MB) for peak in self.peaks],
            "spread_mb": spread,
            "flat": spread <= ALLOWED_MB,
        }


async def _backfill(places: Places, rows: int, answer_rows: int) -> dict[str, Any]:
    watchlist = places.folder / "backfill.toml"
    names = ", ".join(f'"N{number:03d}"' for number in range(-(-rows // answer_rows)))
    watchlist.write_text(f"[fred]\nseries = [{names}]\n")
    given = {"watchlist": watchlist, "fred_api_key": "0" * 32}
    async with AsyncExitStack() as closing:
        settings = await closing.enter_async_context(places.settings("duckdb", **given))
        await closing.enter_async_context(topics(settings, discover()))
        address = await closing.enter_async_context(upstream(answer_rows))
        own = settings.model_dump(mode="json", exclude_unset=True) | {"fred_api_key": "0" * 32}
        order = {"settings": own, "address": address, "source": "fred"}
        process = await closing.enter_async_context(_fetcher(order))
        async with asyncio.timeout(_WITHIN_S):
            return await _measured(process, answer_rows)


@asynccontextmanager
async def _fetcher(order: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a fetcher's process; it is ended with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rig.fetching",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(f"{json.dumps(order)}\n".encode())
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _measured(process: asyncio.subprocess.Process, answer_rows: int) -> dict[str, Any]:
    """Follow a fetcher's lines to the last one, and its memory in between."""
    await _line(process)
    memory = Memory(process.pid)
    memory.before = memory.resident()
    watching = asyncio.create_task(memory.watch())
    try:
        while "seconds" not in (said := await _line(process)):
            if said["records"] >= answer_rows * len(memory.peaks):
                memory.peaks.append(memory.resident())
    finally:
        watching.cancel()
    if said["status"] != 0:
        raise Fatal("the backfill failed: see its lines above")
    rate = round(said["records"] / said["seconds"])
    spent = round(1e6 * said["cpu_seconds"] / said["records"], 1)
    sampled = memory.result()
    return {"rows": said["records"], "rows_per_second": rate, "cpu_us_per_row": spent, **sampled}


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    text = await process.stdout.readline()
    if not text:
        raise Fatal("the fetcher's process ended: see its lines above")
    found: dict[str, Any] = json.loads(text)
    return found
