"""Faults of all kinds in any order for minutes or hours: the ledger stays exact, memory flat."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.loaders import LoaderProcess
from tests.faults.harness.scenario import Scenario, advanced
from tests.faults.test_database_away import CUT
from tests.faults.test_database_busy import TABLE
from tests.services.databases import PostgresServer
from tests.services.kafka.node import KafkaNode
from tests.strategies.depth import LONG

WITHIN_S = 90.0
MOST_MB = 300.0

Fault = Callable[["Run"], Awaitable[None]]


class Run:
    """A scenario with the two loaders and the servers that faults are struck at."""

    def __init__(self, scenario: Scenario, broker: KafkaNode, database: PostgresServer) -> None:
        self.scenario = scenario
        self.broker = broker
        self.database = database
        self.loaders: list[LoaderProcess] = [scenario.start_loader(), scenario.start_loader()]

    def take(self) -> LoaderProcess:
        """Return one of the loaders, which the caller replaces."""
        self.scenario.chance.shuffle(self.loaders)
        return self.loaders.pop()

    def replace(self) -> None:
        self.loaders.append(self.scenario.start_loader())


async def kill_loader(run: Run) -> None:
    await run.take().kill()
    run.replace()


async def terminate_loader(run: Run) -> None:
    loader = run.take()
    loader.send(signal.SIGTERM)
    assert await loader.ended() == 0, loader.said
    run.replace()


async def freeze_loader(run: Run) -> None:
    """Stop one past its session timeout, and let it wake up."""
    loader = run.loaders[0]
    loader.stop()
    await asyncio.sleep(run.scenario.chance.uniform(0, 15))  # the fault, no wait
    loader.send(signal.SIGCONT)


async def cut_connections(run: Run) -> None:
    connection = await asyncpg.connect(run.scenario.url)
    await connection.execute(CUT, run.scenario.settings.loader_group_id)
    await connection.close()


async def lock_table(run: Run) -> None:
    connection = await asyncpg.connect(run.scenario.url)
    async with connection.transaction():
        await connection.execute(TABLE)
        await asyncio.sleep(run.scenario.chance.uniform(0, 4))  # the fault, no wait
    await connection.close()


async def restart_database(run: Run) -> None:
    await asyncio.to_thread(run.database.stop)
    await asyncio.sleep(run.scenario.chance.uniform(0, 3))  # the outage, no wait
    await asyncio.to_thread(run.database.start)


async def restart_broker(run: Run) -> None:
    await asyncio.to_thread(run.broker.kill)
    await asyncio.sleep(run.scenario.chance.uniform(0, 3))  # the outage, no wait
    await asyncio.to_thread(run.broker.start)


FAULTS: list[Fault] = [
    kill_loader,
    terminate_loader,
    freeze_loader,
    cut_connections,
    lock_table,
    restart_database,
    restart_broker,
]


@pytest.mark.skipif(not LONG, reason="part of `make faults` only")
async def test_faults_of_all_kinds_in_any_order(
    request: pytest.FixtureRequest,
    new_scenario: NewScenario,
    kafka_node: KafkaNode,
    postgres_node: PostgresServer,
) -> None:
    minutes: float = request.config.getoption("--minutes", None) or 10
    end = time.monotonic() + 60 * minutes
    async with new_scenario(broker=kafka_node.address, url=postgres_node.url) as scenario:
        run = Run(scenario, kafka_node, postgres_node)
        async with scenario.feeding(every=0.5):
            while time.monotonic() < end:
                await advanced(scenario, 200, WITHIN_S)
                await scenario.strike()
                fault = scenario.chance.choice(FAULTS)
                print(fault.__name__)
                await fault(run)
                memory = [loader.memory_mb for loader in run.loaders if loader.status is None]
                assert len(memory) == len(run.loaders), f"{fault.__name__} ended a loader"
                assert max(memory) < MOST_MB, f"{memory} MB after {fault.__name__}"
            await advanced(scenario, 200, WITHIN_S)
        await scenario.heal()
        await scenario.verify(records=500, struck=1)
