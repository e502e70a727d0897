"""Processors and bare agents as processes of their own, and how fast they get on."""

import asyncio
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.rig.process import ended
from shared.errors import Fatal
from shared.settings import Settings

_WITHIN_SECONDS = 900.0
_LOOK_SECONDS = 0.02


@asynccontextmanager
async def child(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a Python module; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await ended(process)


def environment(settings: Settings, folder: Path, port: int) -> dict[str, str]:
    """Return the settings of a processor without a database, that makes features alone."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
        "KAFKA_TOPIC_PARTITIONS": str(settings.kafka_topic_partitions),
        "PROCESSOR_OUTPUTS": "technical_features",
        "DATABASE_BACKEND": "duckdb",
        "DATA_DIR": str(folder),
        "METRICS_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }


async def seconds_from_tenth(goal: int, count: Callable[[], Awaitable[int]]) -> float:
    """Return how long it takes from a tenth of a goal to all of it, scaled to all of it."""
    begun: tuple[float, int] | None = None
    async with asyncio.timeout(_WITHIN_SECONDS):
        while (done := await count()) < goal:
            if begun is None and done >= goal / 10:
                begun = time.perf_counter(), done
            await asyncio.sleep(_LOOK_SECONDS)
    if begun is None or begun[1] >= goal:
        raise Fatal("too few rows to measure: it was all done at once")
    return (time.perf_counter() - begun[0]) * goal / (goal - begun[1])


async def until_ready(process: asyncio.subprocess.Process, port: int) -> None:
    """Return when a processor says that it is ready; raises Fatal where it ended."""
    async with asyncio.timeout(_WITHIN_SECONDS):
        while not await asyncio.to_thread(_is_ready, port):
            if process.returncode is not None:
                raise Fatal("the processor ended: see its lines above")
            await asyncio.sleep(_LOOK_SECONDS)


def memory_mb(process: asyncio.subprocess.Process) -> int:
    """Return the resident memory of a process."""
    return int(psutil.Process(process.pid).memory_info().rss) >> 20


def _is_ready(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(_url(port), timeout=5) as answer:  # noqa: S310
        return int(answer.status) == 200
    return False


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/health/ready"
