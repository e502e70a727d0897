"""Processors as processes of their own, which can be killed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.processor.app import OUTPUTS
from shared.settings import Settings


@dataclass
class Worker:
    """A process of its own, and what it says."""

    process: asyncio.subprocess.Process
    log: Path

    async def lives_until(self, answer: Coroutine[Any, Any, bool]) -> bool:
        """Return the answer while the worker lives."""
        found = await answer
        assert self.process.returncode is None, self.log.read_text()
        return found


async def start_worker(settings: Settings, folder: Path) -> Worker:
    """Start a worker whose data is in `folder` and whose log is beside it."""
    log = folder.with_suffix(".log")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": str(settings.kafka_bootstrap_servers),
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
        "KAFKA_TOPIC_PARTITIONS": str(settings.kafka_topic_partitions),
        "DATABASE_BACKEND": settings.database_backend,
        "LOADER_GROUP_ID": settings.loader_group_id,
        "PROCESSOR_OUTPUTS": ",".join(settings.processor_outputs or OUTPUTS),
        "DATA_DIR": str(folder),
    }
    if settings.database_url is not None:
        environment["DATABASE_URL"] = settings.database_url.get_secret_value()
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.processor"),
            cwd=Path(__file__).parents[1],
            stdout=output,
            stderr=output,
            env=environment,
        )
    return Worker(process, log)


@asynccontextmanager
async def worker(settings: Settings, folder: Path) -> AsyncIterator[Worker]:
    """Run a worker; killed at the end where it still runs."""
    started = await start_worker(settings, folder)
    try:
        yield started
    except AssertionError as exc:
        exc.add_note(started.log.read_text())
        raise
    finally:
        await bury(started)


async def bury(one: Worker) -> None:
    """Kill a worker where it still runs."""
    with suppress(ProcessLookupError):
        one.process.kill()
    await one.process.wait()
