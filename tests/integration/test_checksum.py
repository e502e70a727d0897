"""The checksum of rows is the same in both databases, and another for every other value."""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.columns import Column, Kind
from shared.database.base import Database
from shared.database.ddl import DUCKDB, POSTGRESQL, create_table
from shared.database.sql import listed
from shared.database.tables import Table
from shared.database.transfer.checksum import totals
from shared.settings import Settings
from tests.batches import opened

ODD: dict[Kind, list[Any]] = {
    Kind.FLOAT: [0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 0.1 + 0.2, -1e308],
    Kind.BIGINT: [0, -1, 2**63 - 1, -(2**63)],
    Kind.INTEGER: [0, -1, 2**31 - 1, -(2**31)],
    Kind.BOOLEAN: [True, False],
    Kind.DATE: [dt.date(2000, 1, 1), dt.date(1999, 12, 31), dt.date.min, dt.date.max],
    Kind.TIMESTAMP: [
        dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        dt.datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC),
        dt.datetime.min.replace(tzinfo=dt.UTC),
        dt.datetime.max.replace(tzinfo=dt.UTC),
    ],
    Kind.TEXT: ["", "~", "=", "\x1e", "\x1f", "é" * 100, "é" * 101, "x" * 200, "x" * 201],
    Kind.TEXTS: [[], [""], ["", ""], ["a", "b"], ["ab"]],
    Kind.BYTES: [b"", b"\x00", b"\x1e", b"\xff" * 300],
}
MANY = 40
"""Columns of one kind: more than a number has bits to say which are missing."""

TABLE = Table(
    "odd_values",
    (
        Column("number", Kind.BIGINT, "number of the row", nullable=False),
        *(Column(kind.label, kind, "a value") for kind in ODD),
        *(Column(f"more_{number}", Kind.INTEGER, "one of many") for number in range(MANY)),
    ),
    key=("number",),
    comment="A value in each row, and nulls.",
)
GIVEN = [
    *((kind.label, value) for kind, values in ODD.items() for value in values),
    *((f"more_{number}", 0) for number in range(MANY)),
]
Totals = tuple[int, str]


@pytest.fixture
async def both(postgres_url: str, tmp_path: Path) -> AsyncIterator[list[Database]]:
    """Both databases, each with the odd values, and a row of nulls alone."""
    settings = [
        Settings(database_backend="postgresql", database_url=postgres_url),
        Settings(duckdb_path=tmp_path / "odd.duckdb"),
    ]
    async with AsyncExitStack() as closing:
        databases = [await closing.enter_async_context(opened(given, [])) for given in settings]
        for database in databases:
            await _fill(database)
        yield databases


async def _fill(database: Database) -> None:
    dialect = POSTGRESQL if database.backend == "postgresql" else DUCKDB
    async with database.transaction() as transaction:
        await transaction.execute(create_table(TABLE, dialect))
        await transaction.execute("INSERT INTO odd_values (number) VALUES (-1)")
        for number, (name, value) in enumerate(GIVEN):
            sql = f'INSERT INTO odd_values (number, "{name}") VALUES ($1, $2)'
            await transaction.execute(sql, (number, value))


async def _totals(database: Database, relations: Sequence[str]) -> Totals:
    ordered = [(f"{relation} AS t", TABLE.key) for relation in relations]
    sql = totals(TABLE.columns, database.backend, ordered)
    [row] = (await database.fetch(sql)).to_pylist()
    return row["n"], row["checksum"]


async def test_every_odd_value_has_the_same_checksum_in_both_and_one_of_its_own(
    both: list[Database],
) -> None:
    values = listed(column.name for column in TABLE.columns[1:])
    # All under one key, so that nothing but their values tells them apart.
    rows = [
        f"(SELECT 0::bigint AS number, {values} FROM odd_values WHERE number = {number})"
        for number in range(-1, len(GIVEN))
    ]
    here, there = [(await _totals(database, rows))[1].split() for database in both]
    pairs = zip(sorted(here), sorted(there), strict=True)
    assert not [(one, other) for one, other in pairs if one != other]
    assert len({each.partition(":")[2] for each in here}) == len(GIVEN) + 1


async def test_both_join_the_same_rows_in_the_same_order(both: list[Database]) -> None:
    rows = ["odd_values", "(SELECT * FROM odd_values WHERE number % 2 = 0)"]
    here, there = [await _totals(database, rows) for database in both]
    assert here == there
    none = ["(SELECT * FROM odd_values WHERE number < -1)"]
    assert [await _totals(database, none) for database in both] == [(0, "")] * 2
