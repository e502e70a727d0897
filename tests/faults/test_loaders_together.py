"""Several loaders of one group: they share the work, and come and go."""

import asyncio
import signal
import time
from collections.abc import Callable

import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.feeding import WITHOUT_ORDER
from tests.faults.harness.scenario import PARTITIONS, Scenario, advanced
from tests.waiting import stretched, until

RESUME_WITHIN_S = 15.0
STANDSTILL_S = 30.0
STORM_SECONDS = 2.0


async def test_two_loaders_split_the_work_and_survive_each_other(
    new_scenario: NewScenario,
) -> None:
    """The first is missed when its session times out; of the second the group is told."""
    halves, whole = [PARTITIONS // 2, PARTITIONS // 2], [PARTITIONS]
    async with new_scenario() as run:
        async with run.feeding(every=0.2):
            first = run.start_loader()
            await until(lambda: _is_split(run, whole), within=30)
            (its_name,) = await run.group.members()
            second = run.start_loader()
            await until(lambda: _is_split(run, halves), within=30)
            (others_name,) = await run.group.members() - {its_name}
            await advanced(run, 400)

            await run.strike()
            await first.kill()
            await until(lambda: _is_split(run, whole), within=RESUME_WITHIN_S)
            await advanced(run, 1_000, within=RESUME_WITHIN_S)

            third = run.start_loader()
            await until(lambda: _is_split(run, halves), within=30)
            await run.strike()
            await second.kill()
            await run.group.dismiss({others_name})
            await until(lambda: _is_split(run, whole), within=RESUME_WITHIN_S)
            await advanced(run, 1_000, within=RESUME_WITHIN_S)
            assert third.status is None, third.said
        await run.heal()
        await run.verify(records=2_000, struck=2)


async def _is_split(run: Scenario, counts: list[int]) -> bool:
    """Return whether the members have so many partitions each, and all together."""
    given = await run.group.assignments(run.topic)
    every = sorted(partition for some in given for partition in some)
    return sorted(map(len, given)) == counts and every == list(range(sum(counts)))


async def test_a_storm_of_rebalances_loses_nothing_and_never_halts_the_work(
    new_scenario: NewScenario, rounds: Callable[[int, int], int]
) -> None:
    count = rounds(4, 30)
    async with new_scenario() as run:
        async with run.feeding(every=0.2):
            staying = run.start_loader()
            await staying.assigned()
            watching = asyncio.create_task(_longest_standstill(run))
            for _ in range(count):
                guest = run.start_loader()
                await guest.assigned()
                await asyncio.sleep(run.chance.uniform(0, STORM_SECONDS))  # the pace, no wait
                await run.strike()
                guest.send(run.chance.choice([signal.SIGTERM, signal.SIGINT]))
                assert await guest.ended() == 0, guest.said
            watching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await watching
            assert staying.status is None, staying.said
            await advanced(run, 200)
        await run.heal()
        await run.verify(records=500 * count, struck=count)


async def _longest_standstill(run: Scenario) -> None:
    """Fail once nothing was stored for long though there was work; runs until cancelled."""
    stored, since = await run.store.progress(), time.monotonic()
    while True:
        now = await run.store.progress()
        if now != stored or await run.lag() == 0:
            stored, since = now, time.monotonic()
        assert time.monotonic() - since < stretched(STANDSTILL_S), f"no progress, --seed {run.seed}"
        await asyncio.sleep(0.2)  # the pace, no wait


@pytest.mark.parametrize("backend", ["postgresql", "duckdb"])
async def test_keys_on_several_partitions_and_partitions_added_under_load_keep_every_version(
    backend: str, new_scenario: NewScenario
) -> None:
    async with new_scenario(backend) as run:
        async with (
            run.feeding(WITHOUT_ORDER, every=0.2),
            run.feeding(WITHOUT_ORDER, crc32=True, every=0.2),
        ):
            loaders = [run.start_loader() for _ in range(2 if run.store.is_shared else 1)]
            await asyncio.gather(*(loader.assigned() for loader in loaders))
            await until(lambda: run.ledger.sent_count > 2_000, within=30)
            await run.group.add_partitions(run.topic, 2 * PARTITIONS)
            run.struck += 1
            so_far = run.ledger.sent_count
            await until(lambda: run.ledger.sent_count > so_far + 5_000, within=60)
            assert all(loader.status is None for loader in loaders)
            for loader in loaders:
                loader.send(signal.SIGTERM)
                assert await loader.ended() == 0, loader.said
        await run.heal()
        await run.verify(records=7_000, struck=1)
        evidence = await run.evidence()
        assert all(evidence.topic[number] for number in range(2 * PARTITIONS))
