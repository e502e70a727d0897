"""One suite over both databases for what notebooks use: query, insert_df, transactions, threads.

What `query` answers is held to be the same, types and values, as the other database's.
"""

import asyncio
import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from shared.database import DatabaseConnection, get_database_backend, get_db_connection
from shared.database.base import Database
from shared.database.frames import to_frame
from shared.errors import ConfigError, Fatal, InvalidRecord
from shared.registry import discover
from shared.settings import Settings
from tests.batches import opened


@pytest.fixture
def db(database_settings: Settings) -> Iterator[DatabaseConnection]:
    """Each database in turn, with the tables of one dataset."""

    async def prepare() -> None:
        async with opened(database_settings, [discover()["fred_data"]]):
            pass

    asyncio.run(prepare())
    with DatabaseConnection(database_settings) as db:
        yield db


QUESTIONS: dict[str, tuple[str, list[Any], str, list[Any]]] = {
    "date": ("SELECT $1::date AS v", [dt.date(1, 1, 1)], "datetime64[ms]", ["0001-01-01"]),
    "last date": ("SELECT DATE '9999-12-31' AS v", [], "datetime64[ms]", ["9999-12-31"]),
    "moment": (
        "SELECT $1::timestamptz AS v",
        [dt.datetime(2026, 3, 1, 1, 2, 3, 456789, dt.timezone(dt.timedelta(hours=2)))],
        "datetime64[us, UTC]",
        ["2026-02-28 23:02:03.456789+00:00"],
    ),
    "null and NaN": (
        "SELECT * FROM (VALUES (1.5::float8), (NULL), ('NaN'::float8)) AS t (v)",
        [],
        "Float64",
        ["1.5", "<NA>", "nan"],
    ),
    "beyond 2^53": (
        "SELECT * FROM (VALUES (9007199254740993::bigint), (NULL)) AS t (v)",
        [],
        "Int64",
        ["9007199254740993", "<NA>"],
    ),
    "numeric": ("SELECT 0.1::numeric(10, 4) AS v", [], "Float64", ["0.1"]),
    "sum": ("SELECT sum(x) AS v FROM (VALUES (1::bigint)) AS t (x)", [], "Float64", ["1.0"]),
    "count": ("SELECT count(*) AS v", [], "Int64", ["1"]),
    "small": ("SELECT 7::integer AS v", [], "Int32", ["7"]),
    "boolean": (
        "SELECT * FROM (VALUES (true), (NULL)) AS t (v)", [], "boolean", ["True", "<NA>"],
    ),
    "text": ("SELECT $1::text AS v", ["Zürich '\n"], "str", ["Zürich '\n"]),
    "texts": ("SELECT $1::text[] AS v", [["a", "b"]], "object", ["['a' 'b']"]),
    "numbers": ("SELECT ARRAY[1::bigint, NULL, 3] AS v", [], "object", ["[ 1. nan  3.]"]),
    "dates": (
        "SELECT ARRAY[DATE '2026-01-31'] AS v", [], "object", ["['2026-01-31T00:00:00.000']"],
    ),
    "comment": ("SELECT 1::bigint AS v -- as one", [], "Int64", ["1"]),
    "semicolon": ("SELECT 'a;' AS v;", [], "str", ["a;"]),
}  # fmt: skip


async def test_types_and_values_are_the_same(database: Database) -> None:
    for sql, parameters, kind, values in QUESTIONS.values():
        for whole in (False, True):
            parts = [part async for part in database.stream(sql, parameters, whole=whole)]
            frame = to_frame(pa.Table.from_batches(parts))
            assert (str(frame["v"].dtype), shown(frame["v"])) == (kind, values)


def shown(series: "pd.Series[Any]") -> list[str]:
    """Return values as text, dates without their time."""
    return [str(value).removesuffix(" 00:00:00") for value in series]


def test_the_synchronous_door_answers_the_same(db: DatabaseConnection) -> None:
    for sql, parameters, kind, values in QUESTIONS.values():
        frame = db.query(sql, parameters)
        assert (str(frame["v"].dtype), shown(frame["v"])) == (kind, values)
    nothing = db.query("SELECT * FROM fred_data")
    assert nothing.empty
    assert [str(kind) for kind in nothing.dtypes[:3]] == ["str", "datetime64[ms]", "Float64"]


def frame_of(*values: float | None, days: int = 0, **columns: Any) -> pd.DataFrame:
    dates = pd.date_range("2026-01-01", periods=len(values)) + pd.Timedelta(days=days)
    return pd.DataFrame({"series_id": "X", "date": dates, "value": values, **columns})


def stored(db: DatabaseConnection, table: str = "fred_data") -> list[tuple[Any, ...]]:
    found = db.query(f"SELECT date, value FROM {table} ORDER BY series_id, date, as_of")
    return [
        (day.day, None if pd.isna(value) else value) for day, value in found.itertuples(index=False)
    ]


def at(hour: int) -> pd.Timestamp:
    return pd.Timestamp(2026, 2, 1, hour, tz="Europe/Berlin")


def test_the_same_frame_again_changes_nothing(db: DatabaseConnection) -> None:
    frame = frame_of(1.5, None, as_of=at(9))
    for policy, again in (("newest", 0), ("update", 0), ("ignore", 0)):
        db.execute("DELETE FROM fred_data")
        assert db.insert_df("fred_data", frame, on_conflict=policy) == 2  # type: ignore[arg-type]
        before = db.query("SELECT * FROM fred_data ORDER BY date")
        assert db.insert_df("fred_data", frame, on_conflict=policy) == again  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(before, db.query("SELECT * FROM fred_data ORDER BY date"))
    assert stored(db) == [(1, 1.5), (2, None)]
    assert stored(db, "fred_data_revisions") == []


def test_what_stands_is_respected_as_asked(db: DatabaseConnection) -> None:
    db.insert_df("fred_data", frame_of(1.0, as_of=at(9)))
    assert db.insert_df("fred_data", frame_of(2.0, 3.0), on_conflict="ignore") == 1
    assert stored(db) == [(1, 1.0), (2, 3.0)]
    assert db.insert_df("fred_data", frame_of(0.5, as_of=at(8)), on_conflict="newest") == 1
    assert stored(db)[0] == (1, 1.0)
    assert stored(db, "fred_data_revisions") == [(1, 0.5)]
    assert db.insert_df("fred_data", frame_of(4.0, as_of=at(8)), on_conflict="update") == 1
    assert stored(db)[0] == (1, 4.0)
    assert stored(db, "fred_data_revisions") == [(1, 0.5), (1, 1.0)]


def test_other_tables_have_the_same_policies(db: DatabaseConnection) -> None:
    db.execute("CREATE TABLE notes (name text PRIMARY KEY, n bigint, as_of timestamptz)")
    first = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "as_of": [at(9), at(9)]})
    assert db.insert_df("notes", first, on_conflict="ignore") == 2
    assert db.insert_df("notes", first, on_conflict="newest") == 0
    assert db.insert_df("notes", first, on_conflict="update") == 0
    later = pd.DataFrame({"name": ["a", "b", "b"], "n": [5, 6, 7], "as_of": [at(8), at(8), at(10)]})
    assert db.insert_df("notes", later, on_conflict="newest") == 1
    assert db.query("SELECT n FROM notes ORDER BY name")["n"].tolist() == [1, 7]
    assert db.insert_df("notes", later, on_conflict="update") == 1
    assert db.query("SELECT n FROM notes ORDER BY name")["n"].tolist() == [5, 7]
    db.execute("CREATE TABLE heap (n bigint)")
    with pytest.raises(Fatal, match="primary key"):
        db.insert_df("heap", pd.DataFrame({"n": [1]}))


REFUSED = [
    (frame_of(1.0, float("inf")), "row 1: value"),
    (frame_of(1.0).drop(columns="value"), r"columns \['value'\]"),
    (frame_of(1.0, odd=1), r"no columns \['odd'\]"),
    (frame_of(1.0).assign(value="much"), "column value is to be float"),
    (frame_of(1.0, as_of=dt.datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001
    (frame_of(1.0).assign(series_id=None), "row 0: series_id"),
    (frame_of(1.0).assign(series_id="\0"), "row 0: series_id"),
]


def test_a_frame_that_breaks_the_rules_stores_nothing(db: DatabaseConnection) -> None:
    for frame, said in REFUSED:
        with pytest.raises(InvalidRecord, match=said):
            db.insert_df("fred_data", frame)
        assert stored(db) == []


def test_a_transaction_is_all_or_nothing(db: DatabaseConnection) -> None:
    with db.transaction() as both:
        both.insert_df("fred_data", frame_of(1.0))
        both.execute("UPDATE fred_data SET value = value + $1", [1.0])
        assert both.query("SELECT value FROM fred_data")["value"].tolist() == [2.0]
        assert stored(db) == []

    def break_off() -> None:
        with db.transaction() as neither:
            neither.execute("DELETE FROM fred_data")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert stored(db) == [(1, 2.0)]


def test_threads_share_a_connection(db: DatabaseConnection) -> None:
    answers: list[Any] = []

    def work(number: int) -> None:
        db.insert_df("fred_data", frame_of(float(number), days=number))
        answers.append(db.query("SELECT $1::bigint AS n", [number])["n"][0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(answers) == list(range(6))
    assert [value for _, value in stored(db)] == [float(number) for number in range(6)]


async def test_it_answers_inside_a_running_event_loop(database_settings: Settings) -> None:
    with DatabaseConnection(database_settings) as db:
        assert db.query("SELECT $1::bigint AS n", [3])["n"].tolist() == [3]
    with pytest.raises(ConfigError, match="closed"):
        db.query("SELECT 1")


def test_there_is_one_connection_until_it_is_closed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DUCKDB_PATH", str(tmp_path / "one.duckdb"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert get_database_backend() == "duckdb"
    first = get_db_connection()
    assert get_db_connection() is first
    first.close()
    monkeypatch.setenv("DUCKDB_PATH", str(tmp_path / "two.duckdb"))
    with get_db_connection() as second:
        assert second is not first
        assert not second.table_exists("fred_data")
        monkeypatch.setenv("DUCKDB_PATH", str(tmp_path / "three.duckdb"))
        with get_db_connection(force_new=True) as third:
            assert third.backend == "duckdb"
            assert third is not second
