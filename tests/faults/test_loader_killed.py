"""Loaders killed with -9 at named points of their work and at random ones."""

import asyncio
from collections.abc import Callable

import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.gate import Gate, Point
from tests.faults.harness.scenario import Scenario
from tests.waiting import until

AFTER_OFFSET_COMMIT = "after offset commit"
LONGEST_RUN_SECONDS = 0.5


async def test_killed_at_any_named_point_it_loses_and_doubles_nothing(
    new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    points = [*Point, AFTER_OFFSET_COMMIT] * rounds(6, 300)
    async with new_scenario(loader_batch_rows=200) as run, Gate(run.url) as gate:
        run.chance.shuffle(points)
        async with run.feeding(every=0.25):
            for point in points:
                if isinstance(point, Point):
                    await _kill_at(run, gate, point)
                else:
                    await _kill_after_offset_commit(run)
        await run.heal()
        await run.verify(records=100 * len(points), struck=len(points))


async def _kill_at(run: Scenario, gate: Gate, point: Point) -> None:
    gate.hold(point, run.chance.randrange(8))
    loader = run.start_loader(gate)
    await until(lambda: gate.held.is_set() or loader.status is not None, within=30)
    run.struck += gate.held.is_set()
    await run.bury(loader)
    await gate.drop()


async def _kill_after_offset_commit(run: Scenario) -> None:
    """The broker's copy of the offsets has moved: kill the loader in what it does next."""
    before = await run.group.committed(run.topic)

    async def has_moved() -> bool:
        return await run.group.committed(run.topic) != before

    loader = run.start_loader()
    await until(has_moved, within=30)
    run.struck += 1
    await run.bury(loader)


@pytest.mark.parametrize("backend", ["postgresql", "duckdb"])
async def test_killed_at_any_moment_it_loses_and_doubles_nothing(
    backend: str, new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(6, 300)
    async with new_scenario(backend) as run:
        feeder = run.feeder()
        for pause in run.strikes(count, LONGEST_RUN_SECONDS):
            await run.feed(feeder, 2_000)
            loader = run.start_loader()
            await loader.assigned()
            await asyncio.sleep(pause)  # the point, no wait
            await run.bury(loader)
            await run.note_strike()
            if not run.store.is_shared:
                await run.store.look()
        # Killed so soon, loaders leave nearly all of it to the last one.
        await run.heal(within=90 + count)
        await run.verify(records=2_000 * count, struck=count)
