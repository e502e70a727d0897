"""Values come back as they went in: of every dataset, every extreme, whichever way they take."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database.base import Database
from shared.dataset import Dataset
from shared.registry import discover
from shared.settings import Settings
from tests.batches import Feed, at, opened
from tests.strategies import EVERYTHING, examples, rows

DATASETS = [EVERYTHING, *discover()]
EXTREMES: dict[str, list[Any]] = {
    "float": [1.7976931348623157e308, 5e-324, -0.0, 0.1, 2**53 + 0.0],
    "bigint": [2**63 - 1, -(2**63), 2**53 + 1, 0, -1],
    "boolean": [True, False],
    "date": [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1969, 12, 31), dt.date(2000, 2, 29)],
    "timestamp": [
        dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, dt.UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, dt.UTC),
        at(0).replace(microsecond=1),
    ],
    "text": [
        "x",
        "'\"\\;--$1%s",
        "é€😀\u0301\u202e\ufeff",
        "a\tb\r\nc\x01\x7f",
        "N" * 190,
        "\\N",
        "{}",
    ],
    "texts": [[], [""], ["a", "", "{,}", '"', "\\", "NULL", "é😀"], ["x"] * 50],
}
"""By label of the column's kind."""

together = settings(examples(quick=15, long=500), suppress_health_check=list(HealthCheck))
places = itertools.count()


@pytest.fixture
async def database(database_settings: Settings) -> AsyncIterator[Database]:
    """Each database in turn, with the tables of all datasets."""
    async with opened(database_settings, DATASETS) as database:
        yield database


def extremes(dataset: Dataset) -> list[dict[str, Any]]:
    """Return rows that hold each extreme of each column, and null where it may be."""
    choices: dict[str, list[Any]] = {}
    for column in dataset.columns:
        empty = [""] if column.kind.label == "text" and not column.min_length else []
        nothing = [None] if column.nullable else []
        choices[column.name] = [*EXTREMES[column.kind.label], *empty, *nothing]
    count = max(map(len, choices.values()))
    return [
        {name: values[number % len(values)] for name, values in choices.items()}
        for number in range(count)
    ]


async def stored(database: Database, dataset: Dataset) -> dict[Any, Any]:
    """Return the rows of a table by key, signs of zeros included."""
    names = [column.name for column in dataset.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    found = await database.fetch(f"SELECT {columns} FROM {dataset.name}")
    assert found.schema.types == dataset.arrow_schema.types
    return {key_of(dataset, row): exact(row) for row in found.to_pylist()}


def key_of(dataset: Dataset, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in dataset.key)


def exact(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row that equals another only where every bit does."""
    return {k: v.hex() if isinstance(v, float) else v for k, v in row.items()}


async def test_extremes_come_back(database: Database) -> None:
    for dataset in DATASETS:
        feed = Feed(database, dataset)
        await feed.claim()
        wanted = {key_of(dataset, row): row for row in extremes(dataset)}
        plain = [(row, at(0)) for row in wanted.values()]
        assert (await feed.write(plain)).inserted == len(wanted)
        assert await stored(database, dataset) == {key: exact(row) for key, row in wanted.items()}
        assert (await feed.write([*plain, *plain])).unchanged == 2 * len(wanted)


@pytest.mark.parametrize("minutes", [5, -5])
async def test_extremes_take_every_way(database: Database, minutes: int) -> None:
    """Replaced and late, alone and with others of their key in one batch."""
    feed = Feed(database, EVERYTHING)
    await feed.claim()
    first, *others = extremes(EVERYTHING)
    key = {name: first[name] for name in EVERYTHING.key}
    await feed.write([(first, at(0))])
    for step, row in enumerate(others, 1):
        records = [(row | key, at(step * minutes))]
        await feed.write(records if step % 2 else records * 2)
    versions = await database.fetch("SELECT * FROM everything_versions ORDER BY as_of")
    in_order = [first, *(row | key for row in others)]
    told = [exact({name: row[name] for name in first}) for row in versions.to_pylist()]
    assert told == [exact(row) for row in (in_order if minutes > 0 else in_order[::-1])]


@given(drawn=st.lists(rows(EVERYTHING), min_size=1, max_size=4))
@together
async def test_whatever_the_law_lets_pass_comes_back(
    database: Database, drawn: list[dict[str, Any]]
) -> None:
    code = f"case {next(places)}"
    feed = Feed(database, EVERYTHING)
    await feed.claim()
    given_rows = [row | {"code": code, "number": n} for n, row in enumerate(drawn)]
    for part in (given_rows[:2], given_rows[2:]):
        await feed.write([(row, at(0)) for row in part])
    found = await stored(database, EVERYTHING)
    assert {key: row for key, row in found.items() if key[0] == code} == {
        key_of(EVERYTHING, row): exact(row) for row in given_rows
    }


async def test_moments_of_bookkeeping_reach_the_calendar_s_ends(database: Database) -> None:
    feed = Feed(database, EVERYTHING)
    await feed.claim()
    row = extremes(EVERYTHING)[0]
    ends = EXTREMES["timestamp"][:2]
    for as_of in ends:
        await feed.write([(row, as_of)])
        await feed.write([(row, as_of)] * 2)
    found = await database.fetch("SELECT as_of, confirmed_as_of FROM everything")
    assert [tuple(row.values()) for row in found.to_pylist()] == [tuple(ends)]
