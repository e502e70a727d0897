"""PostgreSQL cut off, stopped at once or out of space: the loader waits and loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NoReturn

import asyncpg

from tests.faults.conftest import NewScenario
from tests.faults.harness.scenario import Scenario, advanced
from tests.faults.harness.small_disk import database_on, fill, small_disk
from tests.services.databases import PostgresServer
from tests.waiting import until

CUT = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 AND state <> 'idle'"""
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
    with small_disk(postgres_node, pass_over) as disk:
        url = await database_on(postgres_node, disk)
        async with new_scenario(url=url) as run:
            async with run.feeding(every=0.2):
                loader = run.start_loader()
                for done in range(count):
                    await advanced(run, 200)
                    filler = fill(disk)
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


@asynccontextmanager
async def _connection(run: Scenario) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(run.url)
    try:
        yield connection
    finally:
        await connection.close()
