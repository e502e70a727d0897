"""Loaders ended by SIGTERM under load, and zombies: stopped, replaced, and then woken up."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.gate import Gate, Point
from tests.faults.harness.scenario import Scenario
from tests.waiting import until

WITHIN_S = 10.0


@pytest.mark.parametrize("backend", ["postgresql", "duckdb"])
async def test_terminated_under_load_it_ends_soon_and_nothing_is_redelivered(
    backend: str, new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(4, 50)
    async with new_scenario(backend) as run:
        async with run.feeding(every=0.25):
            for pause in run.strikes(count, 0.5):
                loader = run.start_loader()
                await loader.assigned()
                await asyncio.sleep(pause)  # the point, no wait
                loader.send(signal.SIGTERM)
                assert await loader.ended(WITHIN_S) == 0, loader.said
                stored, committed = await run.store.consumed(), await run.group.committed(run.topic)
                moved = {partition: at for partition, at in stored.items() if at}
                assert committed == moved, f"--seed {run.seed}"
                await run.note_strike()
        await run.heal()
        await run.verify(records=200 * count, struck=count)


async def test_a_zombie_that_wakes_up_writes_nothing(
    new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(4, 50)
    async with new_scenario() as run, Gate(run.url) as one, Gate(run.url) as other:
        async with run.feeding(every=0.1):
            gates = [one, other]
            owner = run.start_loader(one)
            await owner.assigned()
            for _ in range(count):
                gates[0].hold(Point.POLLED)
                await until(gates[0].held.is_set, within=20)
                owner.stop()
                stood = await run.store.consumed()
                await run.group.dismiss(await run.group.members())
                heir = run.start_loader(gates[1])
                await heir.assigned()
                await until(lambda: _all_moved(run, stood), within=30)  # noqa: B023
                (heirs_name,) = await run.group.members()
                owner.send(signal.SIGCONT)
                gates[0].release()
                await until(lambda: gates[0].ended, within=20)
                assert gates[0].ended == ["ROLLBACK"], f"--seed {run.seed}"
                run.struck += 1
                await owner.kill()
                await run.group.dismiss(await run.group.members() - {heirs_name})
                gates[0].ended.clear()
                owner = heir
                gates.reverse()
        await run.heal()
        await run.verify(records=200 * count, struck=count)


async def _all_moved(run: Scenario, since: dict[int, int]) -> bool:
    """Return whether every partition was read on: whatever a zombie holds is stale by then."""
    now = await run.store.consumed()
    return all(now[partition] > at for partition, at in since.items())
