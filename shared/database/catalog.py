"""The live tables against the declared ones: what is missing, and what does not fit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.database.ddl import POSTGRESQL, Dialect, add_column, default_of, remark, schema, view
from shared.database.roles import LiveRoles, role_faults
from shared.database.tables import Table, tables
from shared.dataset import Dataset
from shared.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the database's catalogue describes it; `type` in its own words."""

    type: str
    nullable: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table or a view as the catalogue describes it."""

    columns: Mapping[str, LiveColumn]
    comment: str | None
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """What stands in a database; `triggered` are the tables that stamp updated_at themselves."""

    tables: Mapping[str, LiveTable]
    views: Mapping[str, LiveTable]
    functions: frozenset[str]
    triggered: frozenset[str]
    roles: LiveRoles = field(default_factory=LiveRoles)


@dataclass(slots=True)
class _Differences:
    """Lines on what adding mends, what only dropping or narrowing would, and what is left alone.

    missing  each with what is done where it is mended
    """

    missing: dict[str, str] = field(default_factory=dict)
    misfits: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def differences(datasets: Iterable[Dataset], live: Live, dialect: Dialect) -> list[str]:
    """Return a line for each difference; an empty list means that the database fits."""
    found = _compare(list(datasets), live, dialect)
    return [*found.missing, *found.misfits, *found.foreign]


def mended(datasets: Iterable[Dataset], before: Live, after: Live, dialect: Dialect) -> list[str]:
    """Return a line for each thing that was done to make the database fit."""
    declared = list(datasets)
    left = _compare(declared, after, dialect).missing
    missing = _compare(declared, before, dialect).missing
    return [done for difference, done in missing.items() if difference not in left]


def upgrade(datasets: Iterable[Dataset], live: Live, dialect: Dialect) -> list[str]:
    """Return the statements that make the database fit by creating and adding alone.

    None where nothing is missing, so that a running system is not locked for nothing.
    Raises ConfigError where only dropping, narrowing or rewriting would do.
    """
    declared = list(datasets)
    found = _compare(declared, live, dialect)
    if found.misfits:
        raise ConfigError(
            f"the schema cannot be extended to fit: {'; '.join(found.misfits)}. Nothing was "
            "changed: move the table aside or migrate it by hand, then run "
            "`econstream schema apply`"
        )
    if not found.missing:
        return []
    views = [view(dataset, dialect) for dataset in declared if dataset.versioned]
    stale = [v for v in views if _view_faults(v.name, v.comment, live)]
    return [
        *(v.drop for v in stale),
        *(
            add_column(table, column, dialect)
            for table in tables(declared)
            if table.name in live.tables
            for column in table.columns
            if column.name not in live.tables[table.name].columns
        ),
        *schema(declared, dialect),
    ]


def _compare(datasets: list[Dataset], live: Live, dialect: Dialect) -> _Differences:
    found = _Differences()
    for table in tables(datasets):
        standing = live.tables.get(table.name)
        if standing is None:
            found.missing[f"table {table.name} is missing"] = f"created table {table.name}"
        else:
            _compare_table(table, standing, dialect, found)
    for dataset in datasets:
        if dataset.versioned:
            declared = view(dataset, dialect)
            found.missing |= _view_faults(declared.name, declared.comment, live)
            if declared.function not in live.functions:
                function = f"function {declared.function}"
                found.missing[f"{function} is missing"] = f"created {function}"
        if dialect.triggers and dataset.name in live.tables.keys() - live.triggered:
            trigger = f"trigger touch_updated_at on {dataset.name}"
            found.missing[f"{trigger} is missing"] = f"created {trigger}"
    if dialect is POSTGRESQL:
        views = [view(dataset, dialect) for dataset in datasets if dataset.versioned]
        fit = {v.name for v in views if not _view_faults(v.name, v.comment, live)}
        missing, foreign = role_faults(datasets, live.roles, live.tables.keys() | fit)
        found.missing |= missing
        found.foreign += foreign
    return found


def _view_faults(name: str, comment: str, live: Live) -> dict[str, str]:
    standing = live.views.get(name)
    if standing is None:
        return {f"view {name} is missing": f"created view {name}"}
    if standing.comment != comment:
        return {f"view {name} is of another definition": f"made view {name} anew"}
    return {}


def _compare_table(
    table: Table, standing: LiveTable, dialect: Dialect, found: _Differences
) -> None:
    declared = {column.name for column in table.columns}
    for column in table.columns:
        name, live = f"{table.name}.{column.name}", standing.columns.get(column.name)
        if live is None:
            found.missing[f"column {name} is missing"] = f"added column {name}"
            if not column.nullable and default_of(column) is None:
                found.misfits.append(
                    f"column {name} is new and may not be null, so rows that stand already have "
                    "no value for it: give it a default or let it be null"
                )
            continue
        expected = dialect.type_of(column.kind)
        if live.type.lower() != _spelled(expected):
            found.misfits.append(f"column {name} is {live.type}, not {expected}")
        if live.nullable and not column.nullable:
            found.misfits.append(f"column {name} allows null")
        if not live.nullable and column.nullable:
            found.misfits.append(f"column {name} refuses null")
        if live.comment != remark(column):
            line = f"column {name} has another comment"
            found.missing[line] = f"changed the comment of column {name}"
    found.foreign += [
        f"column {table.name}.{name} is not declared"
        for name in standing.columns
        if name not in declared
    ]
    _compare_whole(table, standing, found)


def _compare_whole(table: Table, standing: LiveTable, found: _Differences) -> None:
    if standing.key != table.key:
        found.misfits.append(f"table {table.name} has the key {standing.key}, not {table.key}")
    if table.unique and table.unique not in standing.unique:
        found.misfits.append(f"table {table.name} lets {table.unique} come twice")
    if standing.comment != table.comment:
        line = f"table {table.name} has another comment"
        found.missing[line] = f"changed the comment of table {table.name}"


_SPELLED = {"timestamptz": "timestamp with time zone"}


def _spelled(kind: str) -> str:
    return _SPELLED.get(kind.lower(), kind.lower())
