"""PostgreSQL cut off, stopped at once or out of space: the loader waits and loses nothing."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NoReturn

import asyncpg

from tests.faults.conftest import NewScenario
from tests.faults.harness.scenario import Scenario, advanced
from tests.services.databases import PostgresServer
from tests.waiting import until

CUT = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 AND state <> 'idle'"""
DISK_MB = 40
HEALTHY_WITHIN_S = 5.0


async def test_cut_connections_lose_and_double_nothing(
    new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(40, 300)
    async with new_scenario() as run, _connection(run) as connection:
        group = run.settings.loader_group_id
        async with run.feeding(every=0.03):
            loader = run.start_loader()
            await loader.assigned()
            while run.struck < count:
                await asyncio.sleep(run.chance.uniform(0, 0.02))  # the phase, no wait
                cut = await connection.fetchval(CUT, group)
                run.struck += cut
                assert loader.status is None, loader.said
                if cut:
                    await advanced(run, 1, HEALTHY_WITHIN_S)
        await run.heal()
        await run.verify(records=1_000, struck=count)


async def test_a_server_stopped_at_once_is_waited_for(
    new_scenario: NewScenario,
    postgres_node: PostgresServer,
    rounds: Callable[[int, int], int],
) -> None:
    count = rounds(4, 50)
    async with new_scenario(url=postgres_node.url) as run:
        async with run.feeding(every=0.1):
            loader = run.start_loader()
            for _ in range(count):
                await advanced(run, 500)
                await run.strike()
                await asyncio.to_thread(postgres_node.stop)
                await asyncio.sleep(run.chance.uniform(0, 1))  # the outage, no wait
                await asyncio.to_thread(postgres_node.start)
                assert loader.status is None, loader.said
            await advanced(run, 500)
        await run.heal()
        await run.verify(records=500 * count, struck=count)


async def test_a_full_disk_is_waited_for_and_said(
    new_scenario: NewScenario,
    postgres_node: PostgresServer,
    rounds: Callable[[int, int], int],
    pass_over: Callable[[str, str], NoReturn],
) -> None:
    count = rounds(2, 5)
    with _small_disk(postgres_node, pass_over) as disk:
        url = await _database_on(postgres_node, disk)
        async with new_scenario(url=url) as run:
            async with run.feeding(every=0.2):
                loader = run.start_loader()
                for done in range(count):
                    await advanced(run, 200)
                    filler = _fill(disk)
                    complaints = loader.said.count("DiskFullError")
                    await until(
                        lambda: loader.said.count("DiskFullError") > complaints,  # noqa: B023
                        within=30,
                    )
                    run.struck += 1
                    filler.unlink()
                    assert loader.status is None, loader.said
                    assert run.struck == done + 1
                await advanced(run, 200)
            await run.heal()
            await run.verify(records=200 * count, struck=count)


@contextmanager
def _small_disk(
    server: PostgresServer, pass_over: Callable[[str, str], NoReturn]
) -> Iterator[Path]:
    """Mount a file system of a few megabytes that the server may write to."""
    owner = server.data.stat()
    with tempfile.TemporaryDirectory(prefix="econstream-disk-") as folder:
        Path(folder).chmod(0o755)
        options = f"size={DISK_MB}m,mode=755"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        try:
            done = subprocess.run(mount, check=False, capture_output=True, text=True, timeout=10)
        except OSError as exc:
            pass_over("a disk to fill", f"no mount: {exc.strerror}")
        if done.returncode:
            pass_over("a disk to fill", f"mount is refused: {done.stderr.strip()}")
        try:
            place = Path(folder) / "data"
            place.mkdir()
            os.chown(place, owner.st_uid, owner.st_gid)
            yield place
        finally:
            server.stop()
            subprocess.run(["umount", folder], check=True, timeout=10)


async def _database_on(server: PostgresServer, disk: Path) -> str:
    """Make a database whose files are on a disk; return its URL."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await connection.execute("CREATE DATABASE small TABLESPACE small")
    finally:
        await connection.close()
    return server.url.removesuffix("/postgres") + "/small"


def _fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file to remove to have it back."""
    filler = disk.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk has no end")


@asynccontextmanager
async def _connection(run: Scenario) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(run.url)
    try:
        yield connection
    finally:
        await connection.close()
