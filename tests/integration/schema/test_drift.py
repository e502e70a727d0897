"""The live catalogue of both databases against the declarations, and how it is brought to them."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import asyncpg
import pytest
from pydantic import Field

from shared.database.base import Database
from shared.database.factory import create_database
from shared.database.tables import tables
from shared.dataset import Row
from shared.errors import ConfigError
from shared.registry import discover
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, NOON, Feed, at, measure, opened, rows
from tests.strategies import EVERYTHING

ROOT = Path(__file__).parents[3]
DATASETS = [*discover(), MEASURES, EVENTS, EVERYTHING]
FEW = [MEASURES, EVENTS]


CATALOGUE = {
    "postgresql": """SELECT c.relname::text AS t, a.attname::text AS c,
        format_type(a.atttypid, a.atttypmod) AS kind, NOT a.attnotnull AS nullable,
        col_description(c.oid, a.attnum) AS comment, obj_description(c.oid) AS of_table
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        ORDER BY t, a.attnum""",
    "duckdb": """SELECT table_name AS t, column_name AS c, data_type AS kind,
        is_nullable AS nullable, k.comment AS comment, t.comment AS of_table
        FROM duckdb_columns() k JOIN duckdb_tables() t USING (table_oid, table_name)
        ORDER BY t, column_index""",
}
KEYS = {
    "postgresql": """SELECT conrelid::regclass::text AS t, pg_get_constraintdef(oid) AS key
        FROM pg_constraint WHERE contype IN ('p', 'u') AND connamespace = 'public'::regnamespace""",
    "duckdb": """SELECT table_name AS t, constraint_text AS key FROM duckdb_constraints()
        WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')""",
}
SPELLED = {"timestamptz": "timestamp with time zone"}


async def test_the_catalogue_is_what_is_declared(settings: Settings) -> None:
    async with opened(settings, DATASETS) as database:
        postgres = database.backend == "postgresql"
        declared = []
        for table in sorted(tables(DATASETS), key=lambda t: t.name):
            for column in table.columns:
                kind = (column.kind.postgres if postgres else column.kind.duckdb).lower()
                comment = f"{column.comment} ({column.unit})" if column.unit else column.comment
                found = SPELLED.get(kind, kind), column.nullable, comment, table.comment
                declared.append((table.name, column.name, *found))
        live = (await database.fetch(CATALOGUE[database.backend])).to_pylist()
        assert [
            (*row.values(),) for row in live if row.update(kind=row["kind"].lower()) is None
        ] == declared
        keys = (await database.fetch(KEYS[database.backend])).to_pylist()
        expected = {
            (table.name, f"PRIMARY KEY ({', '.join(table.key)})") for table in tables(DATASETS)
        }
        unique = 'UNIQUE (cluster_id, topic, partition, "offset")'
        expected |= {("dead_letters", unique)}
        assert {(row["t"], plain(row["key"])) for row in keys} == {
            (name, plain(key)) for name, key in expected
        }


def plain(constraint: str) -> str:
    return constraint.replace('"', "").replace("(", " (").replace("  ", " ")


async def test_applying_tells_what_it_made_and_then_nothing(settings: Settings) -> None:
    database = create_database(settings, application="test")
    await database.open()
    missing = await database.check_schema(DATASETS)
    assert "table fred_data is missing" in missing
    done = await database.apply_schema(DATASETS)
    assert len(done) == len(missing)
    assert {"created table fred_data", "created view fred_data_versions"} <= set(done)
    for _ in range(2):
        assert await database.check_schema(DATASETS) == []
        assert await database.apply_schema(DATASETS) == []
    await database.close()


async def test_services_that_start_together_apply_it_together(settings: Settings) -> None:
    if settings.database_backend == "duckdb":
        async with opened(settings, []) as database:
            told = await asyncio.gather(*(database.apply_schema(FEW) for _ in range(4)))
    else:
        databases = [create_database(settings, application="test") for _ in range(4)]
        await asyncio.gather(*(database.open() for database in databases))
        told = await asyncio.gather(*(database.apply_schema(FEW) for database in databases))
        await asyncio.gather(*(database.close() for database in databases))
    assert sorted(bool(lines) for lines in told) == [False, False, False, True]


async def test_the_committed_schema_is_the_applied_one(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    script = (ROOT / "sql/init/01_schema.sql").read_text(encoding="utf-8")
    for _ in range(2):
        await connection.execute(script)
    await connection.close()
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, []) as database:
        assert await database.check_schema(discover()) == []


MENDED = [
    ("DROP TABLE events", "table events is missing"),
    ("DROP VIEW measures_versions", "view measures_versions is missing"),
    ("COMMENT ON TABLE events IS 'mine'", "table events has another comment"),
    ("COMMENT ON COLUMN events.run IS NULL", "column events.run has another comment"),
    (
        "CREATE OR REPLACE VIEW measures_versions AS SELECT 1 AS one",
        "view measures_versions is of another definition",
    ),
    ("ALTER TABLE dead_letters DROP COLUMN field", "column dead_letters.field is missing"),
]


async def test_what_is_missing_is_told_and_mended(database: Database) -> None:
    for sql, line in MENDED:
        if "OR REPLACE" in sql:
            await database.execute("DROP VIEW measures_versions")
        await database.execute(sql)
        assert await database.check_schema(FEW) == [line]
        [done] = await database.apply_schema(FEW)
        assert done.startswith(("created ", "added ", "made ", "changed the comment of "))
        assert line.partition(" is ")[0].partition(" has ")[0] in done
        assert await database.check_schema(FEW) == []


async def test_a_missing_function_or_trigger_is_mended(database: Database) -> None:
    postgres = database.backend == "postgresql"
    kind = "FUNCTION measures_as_of(timestamptz)" if postgres else "MACRO TABLE measures_as_of"
    await database.execute(f"DROP {kind}")
    lines = ["function measures_as_of is missing"]
    if postgres:
        await database.execute("DROP TRIGGER touch_updated_at ON measures")
        await database.execute("ALTER TABLE events DISABLE TRIGGER touch_updated_at")
        lines.append("trigger touch_updated_at on measures is missing")
        lines.append("trigger touch_updated_at on events is missing")
    assert await database.check_schema(FEW) == lines
    await database.apply_schema(FEW)
    assert await database.check_schema(FEW) == []


MISFITS = [
    ("ALTER TABLE measures ALTER COLUMN level TYPE integer", "column measures.level is integer"),
    ("ALTER TABLE events ALTER COLUMN status DROP NOT NULL", "column events.status allows null"),
    ("ALTER TABLE events ALTER COLUMN count SET NOT NULL", "column events.count refuses null"),
]


async def test_what_does_not_fit_is_refused_and_nothing_changed(database: Database) -> None:
    await database.execute("DROP VIEW measures_versions")
    if database.backend == "postgresql":
        await database.execute("DROP TRIGGER touch_updated_at ON measures")
    for number, (sql, line) in enumerate(MISFITS, 1):
        await database.execute(sql)
        before = await database.check_schema(FEW)
        assert (
            sum(told.startswith(("column measures.level", "column events")) for told in before)
            == number
        )
        with pytest.raises(ConfigError, match=f"(?i){line}"):
            await database.apply_schema(FEW)
        assert await database.check_schema(FEW) == before
    assert "view measures_versions is missing" in before


async def test_another_key_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match=r"table measures has the key \('site', 'day'\)"):
        await database.apply_schema([replace(MEASURES, key=("site",), time=None)])
    assert await database.check_schema(FEW) == []


async def test_a_column_that_is_not_ours_stays(database: Database, feed: Feed) -> None:
    await database.execute("ALTER TABLE measures ADD COLUMN mine integer")
    assert await database.check_schema(FEW) == ["column measures.mine is not declared"]
    assert await database.apply_schema(FEW) == []
    await feed.write([measure(0)])
    await feed.write([measure(1, 2.0)])
    assert (await rows(database, "measures"))[0]["mine"] is None


async def test_bookkeeping_stands_beside_other_schemas(settings: Settings) -> None:
    """Tables of the same name in another schema are not ours."""
    async with opened(settings, []) as database:
        await database.execute("CREATE SCHEMA elsewhere")
        await database.execute("CREATE TABLE elsewhere.measures (site integer)")
        assert "table measures is missing" in await database.check_schema(FEW)
        await database.apply_schema(FEW)
        assert await database.check_schema(FEW) == []


class Key(Row):
    """Nothing but a key."""

    code: Annotated[str, Field(description="a code", max_length=20)]


@pytest.mark.parametrize("versioned", [True, False])
async def test_a_dataset_may_be_all_key(settings: Settings, versioned: bool) -> None:
    dataset = replace(EVENTS, name="codes", row=Key, key=("code",), versioned=versioned)
    async with opened(settings, [dataset]) as database:
        feed = Feed(database, dataset)
        await feed.claim()
        for minute in (0, 5, 2):
            await feed.write([({"code": "a"}, at(minute))])
            await feed.write([({"code": "a"}, at(minute)), ({"code": "b"}, at(minute))] * 2)
        found = await database.fetch("SELECT * FROM codes ORDER BY code")
        assert found["code"].to_pylist() == ["a", "b"]
        if versioned:
            assert found["as_of"].to_pylist() == [NOON, NOON]
            assert found["confirmed_as_of"].to_pylist() == [at(5), at(5)]
