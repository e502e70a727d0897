"""The process that is measured, seen from the one that measures."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shared.errors import Fatal
from shared.settings import Settings

_RUN_SECONDS = 1800.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the loader did.

    seconds      from knowing where its partitions begin to the last commit: joining the group
                 is left out, the first poll is in
    cpu_seconds  processor time of the loader's process over the whole run
    """

    rows: int
    batches: int
    seconds: float
    cpu_seconds: float
    peak_rss_mb: int


class LoaderProcess:
    """A loader's process; see `benchmarks.rig.worker`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def load(self, store: str) -> Run:
        """Load until caught up, into the `database` or into `nothing`."""
        return Run(**await self.ask(store))

    async def ask(self, line: str) -> dict[str, Any]:
        """Send a line and return the answer; raises Fatal where the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n".encode())
        async with asyncio.timeout(_RUN_SECONDS):
            answer = await self._process.stdout.readline()
        if not answer:
            raise Fatal("the loader's process ended: see its lines above")
        found: dict[str, Any] = json.loads(answer)
        return found


@asynccontextmanager
async def loader_process(settings: Settings) -> AsyncIterator[LoaderProcess]:
    """Start a loader's process with these settings; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rig.worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        loader = LoaderProcess(process)
        await loader.ask(_as_line(settings))
        yield loader
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait until a process that was told to has ended; one that does not is killed."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _as_line(settings: Settings) -> str:
    given = settings.model_dump(mode="json", exclude_unset=True)
    if settings.database_url is not None:
        given["database_url"] = settings.database_url.get_secret_value()
    return json.dumps(given)
