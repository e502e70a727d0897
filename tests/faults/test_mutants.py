"""Loaders that are wrong on purpose: the harness names the invariant that each one breaks."""

import pytest

from tests.faults.conftest import NewScenario
from tests.faults.harness.gate import Gate, Point
from tests.faults.harness.invariants import Invariant
from tests.faults.harness.mutants import MUTANTS
from tests.faults.harness.scenario import Scenario
from tests.waiting import until

BREAKS = {
    "offsets before rows": Invariant.NOTHING_LOST,
    "outage swallowed": Invariant.NOTHING_LOST,
    "refusal swallowed": Invariant.QUARANTINED,
    "guard dropped": Invariant.NEVER_BACK,
}


def test_each_mutant_has_its_invariant() -> None:
    assert BREAKS.keys() == MUTANTS.keys()


@pytest.mark.parametrize("mutant", [None, *MUTANTS])
async def test_the_harness_finds_out_what_is_wrong(
    mutant: str | None, new_scenario: NewScenario
) -> None:
    async with new_scenario(mutants=[mutant] if mutant else []) as run, Gate(run.url) as gate:
        await _disturb(run, gate)
        found = {broken.invariant for broken in await run.findings()}
        if mutant is None:
            assert not found
        else:
            assert BREAKS[mutant] in found, f"only {found}, --seed {run.seed}"


async def _disturb(run: Scenario, gate: Gate) -> None:
    """Cut a loader off in a transaction, kill it right after another; then load to the end."""
    feeder = run.feeder()
    await run.feed(feeder, 1_500)
    gate.hold(Point.IN_TRANSACTION, 1)
    loader = run.start_loader(gate)
    await until(lambda: gate.held.is_set() or loader.status is not None, within=30)
    assert loader.status is None, loader.said
    await gate.drop()
    gate.hold(Point.COMMITTED)
    await run.feed(feeder, 500)  # all there was may be stored by now
    await until(lambda: gate.held.is_set() or loader.status is not None, within=30)
    await run.bury(loader)
    await gate.drop()
    await run.feed(feeder, 1_500)
    await run.heal()
