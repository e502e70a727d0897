"""The live tables against the declared ones: what is missing, and what does not fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.columns import Column
from shared.database.ddl import Dialect, add_column, comments, schema
from shared.database.tables import Table, tables
from shared.dataset import Dataset
from shared.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the database's catalogue describes it; `type` in its own words."""

    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table as the catalogue describes it."""

    columns: Mapping[str, LiveColumn]
    key: tuple[str, ...]


Live = Mapping[str, LiveTable]


def differences(datasets: Iterable[Dataset], live: Live, dialect: Dialect) -> list[str]:
    """Return a line for each difference; an empty list means that the database fits."""
    found: list[str] = []
    for table in tables(datasets):
        standing = live.get(table.name)
        if standing is None:
            found.append(f"table {table.name} is missing")
            continue
        found += _table_differences(table, standing, dialect)
    return found


def upgrade(datasets: Iterable[Dataset], live: Live, dialect: Dialect) -> list[str]:
    """Return the statements that make the database fit by creating and adding alone.

    Raises ConfigError where only dropping, narrowing or rewriting would do.
    """
    declared = list(datasets)
    added: list[str] = []
    for table in tables(declared):
        standing = live.get(table.name)
        if standing is None:
            continue
        for column in table.columns:
            if column.name not in standing.columns:
                added += [_added(table, column, dialect)]
        added += (
            comments(table) if any(c.name not in standing.columns for c in table.columns) else []
        )
        wrong = _misfits(table, standing, dialect)
        if wrong:
            raise ConfigError(
                f"the schema cannot be extended to fit: {'; '.join(wrong)}. Nothing was changed: "
                "move the table aside or migrate it by hand, then run `econstream schema apply`"
            )
    return added + schema(declared, dialect)


def _added(table: Table, column: Column, dialect: Dialect) -> str:
    if not column.nullable and not column.has_default and not column.name.endswith("ed_at"):
        raise ConfigError(
            f"column {table.name}.{column.name} is new and may not be null, so rows that stand "
            "already have no value for it: give it a default or let it be null"
        )
    return add_column(table, column, dialect)


def _table_differences(table: Table, standing: LiveTable, dialect: Dialect) -> list[str]:
    declared = {column.name for column in table.columns}
    missing = [c.name for c in table.columns if c.name not in standing.columns]
    found = [f"column {table.name}.{name} is missing" for name in missing]
    extra = [name for name in standing.columns if name not in declared]
    found += [f"column {table.name}.{name} is not declared" for name in extra]
    return found + _misfits(table, standing, dialect)


def _misfits(table: Table, standing: LiveTable, dialect: Dialect) -> list[str]:
    found = []
    for column in table.columns:
        live = standing.columns.get(column.name)
        if live is None:
            continue
        expected = dialect.type_of(column.kind)
        if live.type.lower() != _spelled(expected):
            found.append(f"column {table.name}.{column.name} is {live.type}, not {expected}")
        elif live.nullable and not column.nullable and column.name not in table.key:
            found.append(f"column {table.name}.{column.name} allows null")
        elif not live.nullable and column.nullable:
            found.append(f"column {table.name}.{column.name} refuses null")
    if standing.key != table.key:
        found.append(f"table {table.name} has the key {standing.key}, not {table.key}")
    return found


_SPELLED = {"timestamptz": "timestamp with time zone"}


def _spelled(kind: str) -> str:
    return _SPELLED.get(kind.lower(), kind.lower())
