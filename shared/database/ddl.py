"""The DDL of both databases, derived from the declarations."""

import datetime as dt
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.columns import Column, Kind
from shared.database.roles import role_statements
from shared.database.sql import listed, quote
from shared.database.tables import Table, tables
from shared.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database's words for the same things."""

    name: str
    type_of: Callable[[Kind], str]
    identity: str
    storage: str
    order: str
    """How texts are ordered: by code points, as DuckDB does, so that rows sort alike."""
    triggers: bool
    """Whether the database stamps updated_at by itself; if not, the writing statements do."""


POSTGRESQL = Dialect(
    "postgresql",
    lambda kind: kind.postgres,
    " GENERATED ALWAYS AS IDENTITY",
    " WITH (fillfactor = 80)",
    ' COLLATE "C"',
    triggers=True,
)
DUCKDB = Dialect(
    "duckdb",
    lambda kind: kind.duckdb,
    " DEFAULT nextval('dead_letters_id')",
    "",
    "",
    triggers=False,
)

_TOUCH = """CREATE OR REPLACE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$"""


def text(literal: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + literal.replace("'", "''") + "'"


def create_table(table: Table, dialect: Dialect) -> str:
    """Return the statement that creates a table where it is missing."""
    lines = [f"  {_column(column, dialect)}" for column in table.columns]
    lines.append(f"  PRIMARY KEY ({listed(table.key)})")
    if table.unique:
        lines.append(f"  UNIQUE ({listed(table.unique)})")
    storage = dialect.storage if table.is_dataset else ""
    body = ",\n".join(lines)
    return f"CREATE TABLE IF NOT EXISTS {quote(table.name)} (\n{body}\n){storage}"


def add_column(table: Table, column: Column, dialect: Dialect) -> str:
    """Return the statement that adds a column; rows that stand already get its default or null."""
    return f"ALTER TABLE {quote(table.name)} ADD COLUMN {_column(column, dialect)}"


def default_of(column: Column) -> str | None:
    """Return the SQL of a column's default, None where it has none or null."""
    value = column.default
    if column.name in ("created_at", "updated_at"):
        return "now()"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | dt.date):
        return text(str(value))
    return None


def comments(table: Table) -> list[str]:
    """Return the statements that comment a table and its columns; both databases read them."""
    name = quote(table.name)
    return [f"COMMENT ON TABLE {name} IS {text(table.comment)}"] + [
        f"COMMENT ON COLUMN {name}.{quote(c.name)} IS {text(remark(c))}" for c in table.columns
    ]


@dataclass(frozen=True, slots=True)
class View:
    """`<table>_versions`: every version of a dataset, and with it `<table>_as_of(ts)`.

    Its comment ends with a number that stands for all that is derived beside the tables, so
    that an older definition in the database is recognised.
    """

    name: str
    function: str
    columns: tuple[str, ...]
    comment: str
    create: tuple[str, ...]
    drop: str


def view(dataset: Dataset, dialect: Dialect) -> View:
    """Return the view of all versions, with known_from and known_until, and the function."""
    name, function = f"{dataset.name}_versions", f"{dataset.name}_as_of"
    stored = tuple(column.name for column in dataset.stored)
    key, columns = listed(dataset.key), listed(stored)
    both = (
        f"SELECT {columns} FROM {quote(dataset.name)} UNION ALL "
        f"SELECT {columns} FROM {quote(dataset.revisions)}"
    )
    versions = (
        f"CREATE OR REPLACE VIEW {quote(name)} AS SELECT v.*, as_of AS known_from, "
        f"lead(as_of) OVER (PARTITION BY {key} ORDER BY as_of) AS known_until FROM ({both}) AS v"
    )
    newest = (
        f"SELECT DISTINCT ON ({key}) {columns} FROM ({both}) AS v WHERE v.as_of <= ts "
        f"ORDER BY {key}, v.as_of DESC"
    )
    create = [versions, *_function(function, newest, dataset, dialect)]
    if dialect.triggers:
        create.append(trigger(dataset))
    number = zlib.crc32("".join(create).encode())
    comment = f"Every version of {dataset.name} and when it was current (definition {number:08x})."
    create.append(f"COMMENT ON VIEW {quote(name)} IS {text(comment)}")
    drop = f"DROP VIEW IF EXISTS {quote(name)}"
    added = (*stored, "known_from", "known_until")
    return View(name, function, added, comment, tuple(create), drop)


def _function(name: str, body: str, dataset: Dataset, dialect: Dialect) -> list[str]:
    if dialect is DUCKDB:
        return [f"CREATE OR REPLACE MACRO {quote(name)}(ts) AS TABLE {body}"]
    # A type of its own: in the table's, columns added later stand last, and one that is named
    # in the function's head alone would lose its order of texts, and with it the index.
    columns = ", ".join(
        f"{quote(c.name)} {dialect.type_of(c.kind)}{_order(c, dialect)}" for c in dataset.stored
    )
    row = quote(f"{dataset.name}_row")
    return [
        f"DROP FUNCTION IF EXISTS {quote(name)}(timestamptz)",
        f"DROP TYPE IF EXISTS {row}",
        f"CREATE TYPE {row} AS ({columns})",
        f"CREATE FUNCTION {quote(name)}(ts timestamptz) RETURNS SETOF {row} "
        f"LANGUAGE sql STABLE AS $$ {body} $$",
    ]


def trigger(dataset: Dataset) -> str:
    """Return PostgreSQL's trigger that stamps updated_at, unless the writer has set it.

    A confirmation alone changes nothing that a reader would call an update.
    """
    watched = [c.name for c in dataset.stored if c.name not in ("confirmed_as_of", "updated_at")]
    changed = f"({listed(watched, 'OLD')}) IS DISTINCT FROM ({listed(watched, 'NEW')})"
    return (
        f"CREATE OR REPLACE TRIGGER {quote('touch_updated_at')} BEFORE UPDATE ON "
        f"{quote(dataset.name)} FOR EACH ROW WHEN (NEW.updated_at IS NOT DISTINCT FROM "
        f"OLD.updated_at AND {changed}) EXECUTE FUNCTION touch_updated_at()"
    )


def schema(datasets: Iterable[Dataset], dialect: Dialect) -> list[str]:
    """Return all statements that make an empty database ready; each may be run again."""
    declared = list(datasets)
    postgres = dialect is POSTGRESQL
    statements = [_TOUCH] if postgres else ["CREATE SEQUENCE IF NOT EXISTS dead_letters_id"]
    for table in tables(declared):
        statements += [create_table(table, dialect), *comments(table)]
    for dataset in declared:
        if dataset.versioned:
            statements += view(dataset, dialect).create
        elif postgres:
            statements.append(trigger(dataset))
    return statements + (role_statements(declared) if postgres else [])


def script(datasets: Iterable[Dataset], dialect: Dialect) -> str:
    """Return the schema as a file of SQL."""
    head = "-- Generated from the declarations in shared/datasets by `econstream schema sql`.\n"
    return head + "".join(f"\n{statement};\n" for statement in schema(datasets, dialect))


def _column(column: Column, dialect: Dialect) -> str:
    identity = dialect.identity if column.kind is Kind.IDENTITY else ""
    order = _order(column, dialect)
    default = default_of(column)
    given = f" DEFAULT {default}" if default is not None else ""
    null = "" if column.nullable else " NOT NULL"
    return f"{quote(column.name)} {dialect.type_of(column.kind)}{order}{identity}{given}{null}"


def _order(column: Column, dialect: Dialect) -> str:
    return dialect.order if column.kind is Kind.TEXT else ""


def remark(column: Column) -> str:
    """Return what a column's comment says."""
    return f"{column.comment} ({column.unit})" if column.unit else column.comment
