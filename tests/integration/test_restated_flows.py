"""Recorded answers written into both databases, in any order and again: one and the same tables."""

import datetime as dt
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.fetcher.answer import Answer
from shared.database.base import Batch, Database, Written
from shared.database.factory import create_database
from shared.decode import decode
from shared.record import Message, Record, encode
from shared.settings import Settings
from tests.api import READER, REGISTRY
from tests.contract.recorded import ABSENT, WHY_SKIPPED, parse, recorded_answers

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

MONTHLY = "ici_etf_monthly_flows"
FOLDERS = (
    *("ici/", "news/", "cboe/delayed_quotes_options/"),
    *("fred/alfred_vintages/", "fred/observations/GDP_", "yahoo/chart/"),
)
LEFT_OUT = ("unknown_symbol", "historical-via-chart-GOOG")
"""An error, and an answer that contradicts another of the same moment: the later one wins."""
ANSWERS = [a for path, a in recorded_answers(*FOLDERS) if not any(n in path for n in LEFT_OUT)]


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings that lead to an empty database, each kind in turn."""
    if request.param == "duckdb":
        return Settings(duckdb_path=tmp_path / "test.duckdb")
    url = request.getfixturevalue("postgres_url")
    return Settings(database_backend="postgresql", database_url=url)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = create_database(settings, application="test")
    await opened.open()
    try:
        await opened.apply_schema(REGISTRY)
        yield opened
    finally:
        await opened.close()


async def write(database: Database, answers: Sequence[Answer]) -> list[Written]:
    """Write all that answers say, each dataset of each answer as one batch."""
    written = []
    for answer in answers:
        for rows in parse(answer).rows:
            messages = [_message(n, record) for n, record in enumerate(encode(rows, ""))]
            decoded = decode(rows.dataset, messages, dt.datetime.now(dt.UTC))
            assert not decoded.rejected
            written.append(await database.write(Batch(READER, rows.dataset, decoded.table)))
    return written


def _message(offset: int, record: Record) -> Message:
    return Message(record.topic, 0, offset, 0, record.key, record.value, record.headers)


async def tables(database: Database) -> dict[str, Any]:
    """Return the fields and versions of every row and revision, as a hash for each table."""
    found = {}
    for dataset in REGISTRY:
        names = [c.name for c in dataset.columns if c.versioned]
        names += ["as_of", "confirmed_as_of"] if dataset.versioned else []
        columns = ", ".join(f'"{name}"' for name in names)
        for table in [dataset.name] + ([dataset.revisions] if dataset.versioned else []):
            rows = (await database.fetch(f"SELECT {columns} FROM {table}")).to_pylist()
            lines = sorted(str(list(row.values())) for row in rows)
            found[table] = len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


async def newest_update(database: Database) -> dict[str, Any]:
    """Return when a row of each table was written last."""
    found = {}
    for dataset in REGISTRY:
        query = f"SELECT CAST(max(updated_at) AS varchar) AS newest FROM {dataset.name}"
        found[dataset.name] = (await database.fetch(query))["newest"].to_pylist()
    return found


async def test_the_newest_snapshot_is_current_and_what_it_restates_is_kept(
    database: Database,
) -> None:
    await write(database, ANSWERS)
    newest = parse([a for a in ANSWERS if "/flows_data_2015" in a.url][-1]).rows[0].table
    current = await database.fetch(
        f"SELECT * FROM {MONTHLY} WHERE fund_type = 'mutual_fund' ORDER BY month_ending"
    )
    for name in newest.column_names:
        assert current[name].to_pylist() == newest[name].to_pylist()
    revisions = await database.fetch(
        f"SELECT count(*) AS n, count(DISTINCT as_of) AS snapshots FROM {MONTHLY}_revisions"
    )
    assert revisions.to_pylist() == [{"n": 319, "snapshots": 4}]
    weeks = await database.fetch("SELECT count(*) AS n FROM ici_etf_weekly_flows")
    assert weeks["n"].to_pylist() == [38]


async def test_the_same_answers_again_make_no_version(database: Database) -> None:
    await write(database, ANSWERS)
    before, touched = await tables(database), await newest_update(database)
    again = await write(database, ANSWERS)
    assert sum(w.inserted + w.updated + w.revisions for w in again) == 0
    assert await tables(database) == before
    assert await newest_update(database) == touched, "a row was written to"


async def test_what_fred_withdrew_is_null_now_and_known_as_it_was(database: Database) -> None:
    """The four quarters of 1946, which are "." in the newest answers of GDP."""
    await write(database, [a for a in ANSWERS if "stlouisfed" in a.url])
    quarters = "series_id = 'GDP' AND date BETWEEN '1946-01-01' AND '1946-12-31'"
    now = await database.fetch(f"SELECT value FROM fred_data WHERE {quarters}")
    assert now["value"].to_pylist() == [None] * 4
    before = await database.fetch(f"SELECT value FROM fred_data_revisions WHERE {quarters}")
    assert len(before["value"].drop_null()) >= 4


@pytest.mark.parametrize("seed", [None, random.randrange(1 << 32)], ids=["backwards", "shuffled"])
async def test_the_order_of_the_answers_does_not_matter(
    database: Database, tmp_path: Path, seed: int | None
) -> None:
    shuffled = ANSWERS[::-1] if seed is None else random.Random(seed).sample(ANSWERS, len(ANSWERS))
    await write(database, shuffled)
    other = create_database(Settings(duckdb_path=tmp_path / "other.duckdb"), application="test")
    await other.open()
    try:
        await other.apply_schema(REGISTRY)
        await write(other, ANSWERS)
        in_order = await tables(other)
    finally:
        await other.close()
    backwards = await tables(database)
    assert backwards.keys() == in_order.keys()
    assert {t for t in backwards if backwards[t] != in_order[t]} == set(), f"seed {seed}"
