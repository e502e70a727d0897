"""Locks held too long, deadlocks and no connection to be had: tried again, nothing quarantined."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.loaders import LoaderProcess
from tests.faults.harness.scenario import Scenario, advanced
from tests.waiting import until

TABLE = "LOCK TABLE yfinance_ohlcv IN SHARE ROW EXCLUSIVE MODE"
OFFSETS = "SELECT FROM consumer_offsets FOR UPDATE"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
CUT = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1"


async def hold_a_lock(connection: asyncpg.Connection, run: Scenario, loader: LoaderProcess) -> None:
    """Keep the table until the loader has given up waiting for it."""
    async with connection.transaction():
        await connection.execute(TABLE)
        await _complains(loader, "LockNotAvailableError")


async def deadlock(connection: asyncpg.Connection, run: Scenario, loader: LoaderProcess) -> None:
    """Ask for the offsets that the loader holds while it waits for the table; it sees first.

    Where it has looked for a deadlock before there was one, it gives up the table: then again.
    """
    await connection.execute("SET deadlock_timeout = '30s'")
    known = loader.said.count("DeadlockDetectedError")

    async def has_seen() -> bool:
        async with connection.transaction():
            await connection.execute(TABLE)
            await until(lambda: connection.fetchval(WAITS), within=20)
            await connection.execute(OFFSETS)
        return loader.said.count("DeadlockDetectedError") > known

    await until(has_seen, within=60)


async def refuse_connections(
    connection: asyncpg.Connection, run: Scenario, loader: LoaderProcess
) -> None:
    """Let the loader's user have no connection until it has complained."""
    user = urlsplit(run.url).username
    await connection.execute(f'ALTER ROLE "{user}" CONNECTION LIMIT 0')
    assert await connection.fetchval(CUT, user)
    await _complains(loader, "TooManyConnectionsError")
    await connection.execute(f'ALTER ROLE "{user}" CONNECTION LIMIT -1')


@pytest.mark.parametrize("trouble", [hold_a_lock, deadlock, refuse_connections])
async def test_a_busy_database_is_tried_again_and_nothing_is_quarantined(
    trouble: Callable[[asyncpg.Connection, Scenario, LoaderProcess], Awaitable[None]],
    new_scenario: NewScenario,
    rounds: Callable[[int, int], int],
) -> None:
    count = rounds(2, 20)
    async with new_scenario() as run, _own_role(run) as connection:
        async with run.feeding(every=0.1):
            loader = run.start_loader()
            for _ in range(count):
                await advanced(run, 200)
                await trouble(connection, run, loader)
                run.struck += 1
                assert loader.status is None, loader.said
            await advanced(run, 200)
        await run.heal()
        await run.verify(records=200 * count, struck=count)


async def _complains(loader: LoaderProcess, error: str) -> None:
    """Wait until the loader has logged one more error of a kind."""
    known = loader.said.count(error)
    await until(lambda: loader.said.count(error) > known, within=20)


@asynccontextmanager
async def _own_role(run: Scenario) -> AsyncIterator[asyncpg.Connection]:
    """Have the loaders log in as a role of their own; yields a connection of the superuser's."""
    connection = await asyncpg.connect(run.url)
    place = urlsplit(run.url)
    role = place.path.removeprefix("/")
    try:
        for statement in (
            f'CREATE ROLE "{role}" LOGIN',
            f'GRANT ALL ON DATABASE "{role}" TO "{role}"',
            f'GRANT ALL ON SCHEMA public TO "{role}"',
            f'GRANT ALL ON ALL TABLES IN SCHEMA public TO "{role}"',
            f'GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "{role}"',
        ):
            await connection.execute(statement)
        host = (place.netloc.rpartition("@"))[2]
        run.move_to(urlunsplit(place._replace(netloc=f"{role}@{host}")))
        yield connection
    finally:
        await connection.execute(f'DROP OWNED BY "{role}"')
        await connection.execute(CUT, role)
        await connection.execute(f'DROP ROLE "{role}"')
        await connection.close()
