"""The rule of versions in both databases against a naive reference, applied in order of arrival."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database.base import Database
from shared.settings import Settings
from tests.batches import MEASURES, NOON, Feed, opened
from tests.histories import (
    RUNS,
    Cut,
    Said,
    arrivals,
    check_case,
    check_orders,
    cuts,
    to_record,
    without_ties,
)
from tests.strategies import examples

orders = st.permutations(range(16))


def many(quick: int, long: int) -> settings:
    return settings(examples(quick, long), suppress_health_check=list(HealthCheck))


@pytest.fixture
async def duckdb(tmp_path: Path) -> AsyncIterator[list[Database]]:
    async with opened(Settings(duckdb_path=tmp_path / "test.duckdb"), [MEASURES]) as database:
        yield [database]


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[list[Database]]:
    """Two that write to one database, as two loaders do: neither knows what the other has done."""
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(opened(settings, [MEASURES])),
            await stack.enter_async_context(opened(settings, [MEASURES])),
        ]


@given(arrived=arrivals, cuts=cuts)
@many(quick=200, long=5_000)
async def test_duckdb_keeps_the_reference_s_versions(
    duckdb: list[Database], arrived: list[Said], cuts: list[Cut]
) -> None:
    await check_case(duckdb, arrived, cuts)


@given(arrived=arrivals, cuts=cuts)
@many(quick=200, long=5_000)
async def test_postgresql_keeps_the_reference_s_versions(
    postgres: list[Database], arrived: list[Said], cuts: list[Cut]
) -> None:
    await check_case(postgres, arrived, cuts)


@given(arrived=without_ties, order=orders, cuts=cuts)
@many(quick=50, long=5_000)
async def test_duckdb_s_current_rows_do_not_depend_on_the_order(
    duckdb: list[Database], arrived: list[Said], order: list[int], cuts: list[Cut]
) -> None:
    await check_orders(duckdb, arrived, order, cuts)


@given(arrived=without_ties, order=orders, cuts=cuts)
@many(quick=50, long=5_000)
async def test_postgresql_s_current_rows_do_not_depend_on_the_order(
    postgres: list[Database], arrived: list[Said], order: list[int], cuts: list[Cut]
) -> None:
    await check_orders(postgres, arrived, order, cuts)


async def test_both_databases_hold_the_same_tables(
    duckdb: list[Database], postgres: list[Database]
) -> None:
    """One long history with everything in it, in batches of all sizes."""
    choices = [(1.0, "a", ["x"]), (2.0, None, None), (None, "", [])]
    history = [
        Said((n * n) % 3, (n * 37) % 41 if n % 5 else n // 8, choices[(n * 7) % 3], float(n % 4))
        for n in range(200)
    ]
    found = []
    for database, *_ in (duckdb, postgres):
        feed = Feed(database)
        await feed.claim()
        records = [to_record("A", record) for record in history]
        sizes = itertools.cycle([1, 2, 5, 30, 1, 60])
        while records:
            size = next(sizes)
            await feed.write(records[:size])
            records = records[size:]
        columns = f"{RUNS}, count, source, kafka_epoch, kafka_partition"
        found.append(
            [
                (await database.fetch(f"SELECT {columns} FROM {name} ORDER BY day, as_of"))
                for name in ("measures", "measures_revisions", f"measures_as_of('{NOON}')")
            ]
        )
    assert found[0] == found[1]
    assert found[0][1].num_rows > 20
