"""The DDL of both databases, derived from the declarations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.columns import Column, Kind
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
    """How texts of a key are ordered: by code points, as DuckDB does, so that keys sort alike."""


POSTGRESQL = Dialect(
    "postgresql",
    lambda kind: kind.postgres,
    " GENERATED ALWAYS AS IDENTITY",
    " WITH (fillfactor = 80)",
    ' COLLATE "C"',
)
DUCKDB = Dialect("duckdb", lambda kind: kind.duckdb, " DEFAULT nextval('dead_letters_id')", "", "")

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
    lines = [f"  {_column(column, dialect, column.name in table.key)}" for column in table.columns]
    lines.append(f"  PRIMARY KEY ({listed(table.key)})")
    if table.unique:
        lines.append(f"  UNIQUE ({listed(table.unique)})")
    storage = dialect.storage if table.is_dataset else ""
    body = ",\n".join(lines)
    return f"CREATE TABLE IF NOT EXISTS {quote(table.name)} (\n{body}\n){storage}"


def add_column(table: Table, column: Column, dialect: Dialect) -> str:
    """Return the statement that adds a column; rows that stand already get its default or null."""
    kind = dialect.type_of(column.kind)
    default = _default(column)
    return f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}{default}"


def comments(table: Table) -> list[str]:
    """Return the statements that comment a table and its columns; both databases read them."""
    name = quote(table.name)
    return [f"COMMENT ON TABLE {name} IS {text(table.comment)}"] + [
        f"COMMENT ON COLUMN {name}.{quote(c.name)} IS {text(_remark(c))}" for c in table.columns
    ]


def views(dataset: Dataset, dialect: Dialect) -> list[str]:
    """Return the statements for `<table>_versions` and `<table>_as_of(ts)`."""
    if not dataset.versioned:
        return []
    name, columns, key = dataset.name, listed(c.name for c in dataset.stored), listed(dataset.key)
    both = (
        f"SELECT {columns} FROM {quote(name)} UNION ALL "
        f"SELECT {columns} FROM {quote(dataset.revisions)}"
    )
    versions = (
        f"CREATE OR REPLACE VIEW {quote(f'{name}_versions')} AS SELECT v.*, as_of AS known_from, "
        f"lead(as_of) OVER (PARTITION BY {key} ORDER BY as_of) AS known_until FROM ({both}) AS v"
    )
    newest = (
        f"SELECT DISTINCT ON ({key}) {columns} FROM ({both}) AS v WHERE v.as_of <= ts "
        f"ORDER BY {key}, v.as_of DESC"
    )
    function = quote(f"{name}_as_of")
    if dialect is DUCKDB:
        return [versions, f"CREATE OR REPLACE MACRO {function}(ts) AS TABLE {newest}"]
    head = f"CREATE OR REPLACE FUNCTION {function}(ts timestamptz) RETURNS SETOF {quote(name)}"
    return [versions, f"{head} LANGUAGE sql STABLE AS $$ {newest} $$"]


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
        statements += [*([trigger(dataset)] if postgres else []), *views(dataset, dialect)]
    return statements


def script(datasets: Iterable[Dataset], dialect: Dialect) -> str:
    """Return the schema as a file of SQL."""
    head = "-- Generated from the declarations in shared/datasets by `econstream schema sql`.\n"
    return head + "".join(f"\n{statement};\n" for statement in schema(datasets, dialect))


def _column(column: Column, dialect: Dialect, of_key: bool) -> str:
    identity = dialect.identity if column.kind is Kind.IDENTITY else ""
    null = "" if column.nullable else " NOT NULL"
    order = dialect.order if of_key and column.kind is Kind.TEXT else ""
    kind = dialect.type_of(column.kind) + order + identity
    return f"{quote(column.name)} {kind}{_default(column)}{null}"


def _default(column: Column) -> str:
    if column.name in ("created_at", "updated_at"):
        return " DEFAULT now()"
    if isinstance(column.default, bool):
        return f" DEFAULT {str(column.default).lower()}"
    return ""


def _remark(column: Column) -> str:
    return f"{column.comment} ({column.unit})" if column.unit else column.comment
