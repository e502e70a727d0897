"""The generated schema: the same tables for both databases, commented, fit to be run again."""

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import duckdb
import pytest
from pydantic import Field

from shared.columns import Column, Kind
from shared.database import ddl
from shared.database.ddl import DUCKDB, POSTGRESQL, Dialect
from shared.database.tables import tables
from shared.dataset import Dataset
from shared.registry import discover
from tests.batches import EVENTS, MEASURES, Measure
from tests.strategies import EVERYTHING

ROOT = Path(__file__).parents[2]
DATASETS = [*discover(), MEASURES, EVENTS, EVERYTHING]
DIALECTS = [POSTGRESQL, DUCKDB]


def test_the_schema_runs_on_an_empty_file_and_again() -> None:
    with duckdb.connect() as connection:
        for _ in range(2):
            connection.execute(ddl.script(DATASETS, DUCKDB))
        made = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in made} == {table.name for table in tables(DATASETS)}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_each_table_and_column_has_a_comment(dialect: Dialect) -> None:
    script = ddl.script(DATASETS, dialect)
    for table in tables(DATASETS):
        assert len(re.findall(rf'COMMENT ON TABLE "{table.name}" IS \'.', script)) == 1
        commented = re.findall(rf'COMMENT ON COLUMN "{table.name}"\."(\w+)" IS \'.', script)
        assert commented == [column.name for column in table.columns]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_schema_is_generated_alike_each_time(dialect: Dialect) -> None:
    assert ddl.script(DATASETS, dialect) == ddl.script(list(DATASETS), dialect)


def test_an_apostrophe_ends_no_text() -> None:
    assert ddl.text("it's 'so'") == "'it''s ''so'''"


@pytest.mark.parametrize(
    ("kind", "default", "sql"),
    [
        (Kind.BOOLEAN, True, "true"),
        (Kind.BIGINT, -3, "-3"),
        (Kind.FLOAT, 0.1, "0.1"),
        (Kind.TEXT, "it's", "'it''s'"),
        (Kind.DATE, dt.date(2026, 1, 1), "'2026-01-01'"),
        (Kind.TEXT, None, None),
    ],
)
def test_a_default_is_a_literal(kind: Kind, default: object, sql: str | None) -> None:
    column = Column("c", kind, "a column", has_default=True, default=default)
    assert ddl.default_of(column) == sql
    if sql is not None:
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE t (k INTEGER, c {kind.duckdb} DEFAULT {sql})")
            connection.execute("INSERT INTO t (k) VALUES (1)")
            assert connection.execute("SELECT c FROM t").fetchall() == [(default,)]


class Wider(Measure):
    """A measure with one thing more."""

    more: Annotated[float | None, Field(description="one thing more")]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    "other", [replace(MEASURES, row=Wider), replace(MEASURES, key=("site",), time=None)]
)
def test_a_view_s_comment_tells_another_definition(dialect: Dialect, other: Dataset) -> None:
    assert ddl.view(MEASURES, dialect) == ddl.view(replace(MEASURES), dialect)
    assert ddl.view(other, dialect).comment != ddl.view(MEASURES, dialect).comment


def test_only_tables_that_are_rewritten_leave_room_in_their_pages() -> None:
    roomy = {
        table.name
        for table in tables(DATASETS)
        if "fillfactor" in ddl.create_table(table, POSTGRESQL)
    }
    assert roomy == {dataset.name for dataset in DATASETS}


def test_the_readme_lists_every_table_with_its_key() -> None:
    text = (ROOT / "sql/init/README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", text, re.MULTILINE))
    assert listed == {
        table.name: ", ".join(table.key)
        for table in tables(discover())
        if not table.name.endswith("_revisions")
    }
