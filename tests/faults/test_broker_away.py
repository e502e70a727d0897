"""A broker killed with -9 and started again: what it acknowledged is stored."""

import asyncio
from collections.abc import Callable

from tests.faults.conftest import NewScenario
from tests.faults.harness.scenario import advanced
from tests.services.kafka.node import KafkaNode

WITHIN_S = 60.0


async def test_a_broker_killed_under_load_is_waited_for(
    new_scenario: NewScenario, kafka_node: KafkaNode, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(2, 30)
    async with new_scenario(broker=kafka_node.address) as run:
        async with run.feeding(every=0.1):
            loader = run.start_loader()
            for _ in range(count):
                await advanced(run, 500, WITHIN_S)
                await run.strike()
                await asyncio.to_thread(kafka_node.kill)
                await asyncio.sleep(run.chance.uniform(0, 1))  # the outage, no wait
                await asyncio.to_thread(kafka_node.start)
                assert loader.status is None, loader.said
            await advanced(run, 500, WITHIN_S)
        await run.heal()
        await run.verify(records=500 * count, struck=count)
