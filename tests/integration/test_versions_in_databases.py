"""The rule of versions in both databases against a naive reference, applied in order of arrival."""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from shared.database.base import Database
from shared.settings import Settings
from tests.batches import MEASURES, NOON, Feed, Record, at, opened
from tests.reference import History, Known
from tests.strategies import examples

VERSIONED = ("level", "label", "tags")
RUNS = "site, day, as_of, confirmed_as_of, level, label, tags, adjusted, kafka_offset"
cases = itertools.count()


class Said(NamedTuple):
    """A record of a case: which of its keys, when, and what."""

    key: int
    minute: int
    values: tuple[Any, ...]
    adjusted: float


levels = st.sampled_from(
    [(1.0, "a", ["x"]), (1.0, "a", ["x", "y"]), (2.0, None, None), (None, "", [])]
)
said = st.builds(
    Said, st.integers(0, 2), st.integers(0, 10), levels, st.sampled_from([1.0, 2.0, 3.0])
)
arrivals = st.lists(said, min_size=1, max_size=24)
without_ties = st.lists(said, min_size=1, max_size=16, unique_by=lambda s: (s.key, s.minute))
"""Retractions, repeated keys, ties, late and repeated records all come up."""


def many(quick: int, long: int) -> settings:
    return settings(examples(quick, long), suppress_health_check=list(HealthCheck))


@pytest.fixture
async def duckdb(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(Settings(duckdb_path=tmp_path / "test.duckdb"), [MEASURES]) as database:
        yield database


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, [MEASURES]) as database:
        yield database


def to_record(site: str, record: Said) -> Record:
    row = dict(zip(VERSIONED, record.values, strict=True)) | {"count": 7}
    day = dt.date(2026, 1, 1 + record.key)
    return {"site": site, "day": day, "adjusted": record.adjusted, **row}, at(record.minute)


async def load(database: Database, arrived: list[Said], cuts: Iterable[int]) -> Feed:
    """Write a case in the batches that `cuts` make of it; its site is its own."""
    feed = Feed(database, partition=next(cases))
    await feed.claim()
    bounds = sorted({0, len(arrived), *(cut % len(arrived) for cut in cuts)})
    for start, end in pairwise(bounds):
        records = [to_record(site_of(feed), record) for record in arrived[start:end]]
        written = await feed.write(records)
        counted = written.inserted + written.updated + written.confirmed + written.unchanged
        assert counted == len(records)
    return feed


def site_of(feed: Feed) -> str:
    return f"case {feed.partition}"


def reference(arrived: Iterable[Said]) -> dict[int, History]:
    histories: dict[int, History] = defaultdict(History)
    for record in arrived:
        histories[record.key].arrive(at(record.minute), Known(record.values, record.adjusted))
    return histories


def values_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in VERSIONED)


async def stored(feed: Feed, name: str, columns: str = RUNS) -> dict[int, list[dict[str, Any]]]:
    """Return a case's rows of a table by the case's keys, in order of as_of."""
    sql = f"SELECT {columns} FROM {name} WHERE site = $1 ORDER BY day, as_of"
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in (await feed.database.fetch(sql, [site_of(feed)])).to_pylist():
        found[row["day"].day - 1].append(row)
    return found


async def check_tables(feed: Feed, arrived: list[Said]) -> None:
    """Tables and revisions are the reference's, and each row names a message that says it."""
    current, revisions = await stored(feed, "measures"), await stored(feed, "measures_revisions")
    histories = reference(arrived)
    assert current.keys() == histories.keys()
    for key, history in histories.items():
        rows = [*revisions[key], *current[key]]
        runs = [
            (row["as_of"], row["confirmed_as_of"], values_of(row), row["adjusted"]) for row in rows
        ]
        assert runs == [tuple(run) for run in history.runs()]
        assert len(current[key]) == 1
        for before, after in pairwise(rows):
            assert before["confirmed_as_of"] < after["as_of"]
            assert values_of(before) != values_of(after)
        for row in rows:
            made = arrived[row["kafka_offset"]]
            assert (made.key, made.values) == (key, values_of(row))


async def check_answers(feed: Feed, arrived: list[Said]) -> None:
    """What was known at each record's moment is the reference's; as of now is the table."""
    histories = reference(arrived)
    for minute in {-1, *(record.minute for record in arrived)}:
        moment = at(minute)
        function = f"measures_as_of(TIMESTAMPTZ '{moment.isoformat()}')"
        answer = {key: values_of(row) for key, (row,) in (await stored(feed, function)).items()}
        known = {key: history.known_at(moment) for key, history in histories.items()}
        assert answer == {key: values for key, values in known.items() if values is not None}
    assert await stored(feed, "measures_as_of(now())", "*") == await stored(feed, "measures", "*")


async def check_versions(feed: Feed) -> None:
    """The view joins the table and its revisions, each until the next."""
    versions = await stored(feed, "measures_versions", f"{RUNS}, known_from, known_until")
    current, revisions = await stored(feed, "measures"), await stored(feed, "measures_revisions")
    for key, rows in versions.items():
        bounds = [(row.pop("known_from"), row.pop("known_until")) for row in rows]
        assert rows == [*revisions[key], *current[key]]
        moments = [row["as_of"] for row in rows]
        assert bounds == list(zip(moments, [*moments[1:], None], strict=True))


async def check_case(database: Database, arrived: list[Said], cuts: list[int]) -> None:
    feed = await load(database, arrived, cuts)
    splits = sum(history.splits for history in reference(arrived).values())
    event(f"runs split: {min(splits, 2)}")
    await check_tables(feed, arrived)
    await check_answers(feed, arrived)
    await check_versions(feed)
    await load_again(feed, arrived)


async def load_again(feed: Feed, arrived: list[Said]) -> None:
    """What has come already, and has not lost its moment to another value, writes nothing."""
    before = [await stored(feed, name, "*") for name in ("measures", "measures_revisions")]
    runs = {key: history.runs() for key, history in reference(arrived).items()}
    again = [
        record._replace(adjusted=run.latest)
        for record in arrived
        for run in runs[record.key]
        if run.as_of <= at(record.minute) <= run.confirmed_as_of and run.values == record.values
    ]
    await feed.write([to_record(site_of(feed), record) for record in again])
    after = [await stored(feed, name, "*") for name in ("measures", "measures_revisions")]
    assert after == before


cuts = st.lists(st.integers(0, 40), max_size=5)


@given(arrived=arrivals, cuts=cuts)
@many(quick=120, long=5_000)
async def test_duckdb_keeps_the_reference_s_versions(
    duckdb: Database, arrived: list[Said], cuts: list[int]
) -> None:
    await check_case(duckdb, arrived, cuts)


@given(arrived=arrivals, cuts=cuts)
@many(quick=40, long=2_000)
async def test_postgresql_keeps_the_reference_s_versions(
    postgres: Database, arrived: list[Said], cuts: list[int]
) -> None:
    await check_case(postgres, arrived, cuts)


async def check_orders(database: Database, arrived: list[Said], order: list[int]) -> None:
    """The current table is the fold over the set of records, whatever came when."""
    shuffled = [arrived[place] for place in order if place < len(arrived)]
    feeds = [await load(database, records, [3, 7]) for records in (arrived, shuffled)]
    tables = [await stored(feed, "measures") for feed in feeds]
    for key in {record.key for record in arrived}:
        newest = max((record for record in arrived if record.key == key), key=lambda r: r.minute)
        for ((row,),) in ((table[key],) for table in tables):
            assert (values_of(row), row["adjusted"]) == (newest.values, newest.adjusted)
            assert row["confirmed_as_of"] == at(newest.minute)
    splits = [sum(h.splits for h in reference(r).values()) for r in (arrived, shuffled)]
    if any(splits):
        return
    event("no run was split")
    revisions = [await stored(feed, "measures_revisions") for feed in feeds]
    for one, other in (tables, revisions):
        assert [bare(row) for row in flat(one)] == [bare(row) for row in flat(other)]


def flat(rows: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for key in sorted(rows) for row in rows[key]]


def bare(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what tells one case from another."""
    return {name: value for name, value in row.items() if name not in ("site", "kafka_offset")}


@given(arrived=without_ties, order=st.permutations(range(16)))
@many(quick=50, long=2_000)
async def test_duckdb_s_current_rows_do_not_depend_on_the_order(
    duckdb: Database, arrived: list[Said], order: list[int]
) -> None:
    await check_orders(duckdb, arrived, order)


@given(arrived=without_ties, order=st.permutations(range(16)))
@many(quick=20, long=1_000)
async def test_postgresql_s_current_rows_do_not_depend_on_the_order(
    postgres: Database, arrived: list[Said], order: list[int]
) -> None:
    await check_orders(postgres, arrived, order)


async def test_both_databases_hold_the_same_tables(duckdb: Database, postgres: Database) -> None:
    """One long history with everything in it, in batches of all sizes."""
    choices = [(1.0, "a", ["x"]), (2.0, None, None), (None, "", [])]
    history = [
        Said((n * n) % 3, (n * 37) % 41 if n % 5 else n // 8, choices[(n * 7) % 3], float(n % 4))
        for n in range(200)
    ]
    found = []
    for database in (duckdb, postgres):
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
