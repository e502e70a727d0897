"""What is moved together, and how it is cut into parts by ranges of keys."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.columns import Column, Kind
from shared.database.sql import listed, quote
from shared.database.tables import API_KEYS, DEAD_LETTERS, Table, tables
from shared.database.transfer.checksum import totals
from shared.dataset import Dataset

IS_REVISION = "is_revision"
Key = tuple[Any, ...]
Row = Mapping[str, Any]
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Unit:
    """A dataset's table with its revisions, or a table of bookkeeping.

    key     what identifies a row in either database
    rank    of two rows of a key in a table without versions, the greater is the newer
    """

    table: Table
    key: tuple[str, ...]
    rank: Callable[[Row], Any]
    dataset: Dataset | None = None
    revisions: Table | None = None

    @property
    def name(self) -> str:
        """Name of its table."""
        return self.table.name

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its table, and its revisions where it has any."""
        return (self.table,) if self.revisions is None else (self.table, self.revisions)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are moved."""
        return self.table.columns

    @property
    def told(self) -> tuple[Column, ...]:
        """The columns that are compared: numbers that a database gives are its own."""
        return tuple(c for c in self.columns if c.kind is not Kind.IDENTITY and c.name not in _OWN)

    def order(self, table: Table) -> tuple[str, ...]:
        """Return the columns by which the rows of one of its tables are ordered."""
        return self.key if table is self.table else (*self.key, "as_of")

    @property
    def seen(self) -> str:
        """The column that says when a row was last known to be true, for `since`."""
        if self.dataset is not None:
            return "confirmed_as_of" if self.dataset.versioned else "updated_at"
        return "created_at"

    def key_of(self, row: Row) -> Key:
        """Return a row's key."""
        return tuple(row[name] for name in self.key)


_OWN = frozenset({"last_used_at"})


def units(datasets: Iterable[Dataset]) -> list[Unit]:
    """Return all that is moved but the offsets, which come last and by themselves."""
    declared = {dataset.name: dataset for dataset in datasets}
    every = {table.name: table for table in tables(declared.values())}
    found = [
        Unit(every[name], dataset.key, _stored_at, dataset, every.get(dataset.revisions))
        for name, dataset in declared.items()
    ]
    letters = Unit(DEAD_LETTERS, DEAD_LETTERS.unique, _settled)
    return [*found, letters, Unit(API_KEYS, API_KEYS.key, _revoked)]


def _stored_at(row: Row) -> Any:
    return row["updated_at"]


def _settled(row: Row) -> Any:
    return (row["resolved_at"] is not None, row["attempts"])


def _revoked(row: Row) -> Any:
    return row["revoked_at"] is not None


@dataclass(frozen=True, slots=True)
class Span:
    """The keys after one and up to another, which is in it; None is without an end.

    A bound may be the beginning of keys: all that begin so are before it, or up to it.
    """

    after: Key | None = None
    upto: Key | None = None

    def where(self, key: Sequence[str], backend: str) -> tuple[list[str], list[Any]]:
        """Return conditions with placeholders from $1 on, and their values.

        The first column is compared alone, too: it prunes where rows of columns do not.
        """
        conditions: list[str] = []
        values: list[Any] = []
        for bound, sign in ((self.after, ">"), (self.upto, "<=")):
            if bound is None:
                continue
            marks = [f"${len(values) + number}" for number in range(1, len(bound) + 1)]
            values += bound
            if len(bound) == 1:
                conditions.append(f"{quote(key[0])} {sign} {marks[0]}")
                continue
            conditions.append(f"{quote(key[0])} {sign[0]}= {marks[0]}")
            if backend == "postgresql":
                conditions.append(f"({listed(key[: len(bound)])}) {sign} ({', '.join(marks)})")
            else:
                named = [quote(name) for name in key[: len(bound)]]
                conditions.append(_in_order(named, sign, marks))
        return conditions, values


def _in_order(names: list[str], sign: str, marks: list[str]) -> str:
    """Compare rows of columns one by one: DuckDB 2.0 takes no two bounds of a row at once."""
    condition = f"{names[-1]} {sign} {marks[-1]}"
    for name, mark in zip(names[-2::-1], marks[-2::-1], strict=True):
        condition = f"({name} {sign[0]} {mark} OR ({name} = {mark} AND {condition}))"
    return condition


@dataclass(frozen=True, slots=True)
class Cut:
    """The statements on one side: where its tables are, and since when rows are wanted.

    relations   the SQL of each table's rows, by name; of one that is missing there is none
    """

    backend: str
    relations: Mapping[str, str]
    since: dt.datetime | None = None

    def has(self, table: Table) -> bool:
        """Return whether this side has the table."""
        return table.name in self.relations

    def entities(self, unit: Unit, rows: int, after: Key | None) -> tuple[str, list[Any]]:
        """Select the entities at which so many rows are full, and how many the largest has.

        Quicker than to number all rows, where no entity is too large for a part.
        """
        keyed, values = self._keyed(unit, after)
        entity = quote(unit.key[0])
        counted = f"SELECT {entity}, count(*) AS n FROM ({keyed}) AS e GROUP BY {entity}"
        summed = (
            f"SELECT {entity}, n, max(n) OVER () AS largest, "
            f"sum(n) OVER (ORDER BY {entity}) AS total FROM ({counted}) AS e"
        )
        full = [f"floor({total}::float8 / {int(rows)})" for total in ("total", "(total - n)")]
        return (
            f"SELECT {entity}, largest FROM ({summed}) AS e WHERE {full[0]} > {full[1]} "
            f"ORDER BY {entity}"
        ), values

    def edges(self, unit: Unit, rows: int, after: Key | None) -> tuple[str, list[Any]]:
        """Select every so-many-th key after one, revisions counted; the parts end there."""
        keyed, values = self._keyed(unit, after)
        keys = listed(unit.key)
        numbered = f"SELECT {keys}, row_number() OVER (ORDER BY {keys}) AS n FROM ({keyed}) AS e"
        return (
            f"SELECT DISTINCT {keys} FROM ({numbered}) AS e WHERE n % {int(rows)} = 0 "
            f"ORDER BY {keys}"
        ), values

    def _keyed(self, unit: Unit, after: Key | None) -> tuple[str, list[Any]]:
        where, values = self._asked(unit, Span(after))
        return " UNION ALL ".join(
            f"SELECT {listed(unit.key)} FROM {self.relations[t.name]} AS t{where}"
            for t in unit.tables
            if self.has(t)
        ), values

    def rows(self, unit: Unit, span: Span) -> tuple[str, list[Any]]:
        """Select the rows of a part in order of their keys, in one snapshot."""
        where, values = self._asked(unit, span)
        columns = listed(column.name for column in unit.columns)
        parts = [
            f"SELECT {columns}, {'false' if t is unit.table else 'true'} AS {IS_REVISION} "
            f"FROM {self.relations[t.name]} AS t{where}"
            for t in unit.tables
            if self.has(t)
        ]
        order = listed(unit.order(unit.tables[-1]))
        return f"{' UNION ALL '.join(parts)} ORDER BY {order}", values

    def totals(self, unit: Unit, span: Span) -> tuple[str, list[Any]]:
        """Select how many rows a part has, revisions counted, and their checksums, by table."""
        where, values = self._asked(unit, span)
        relations = [
            (f"{self.relations[t.name]} AS t{where}", unit.order(t))
            for t in unit.tables
            if self.has(t)
        ]
        return totals(unit.told, self.backend, relations), values

    def keyless(self, unit: Unit) -> str:
        """Select the rows of which a part of the key is missing, a thousand at most."""
        columns = listed(column.name for column in unit.columns)
        missing = " OR ".join(f"{quote(name)} IS NULL" for name in unit.key)
        return f"SELECT {columns} FROM {self.relations[unit.name]} AS t WHERE {missing} LIMIT 1000"

    def count(self, unit: Unit, table: Table) -> tuple[str, list[Any]]:
        """Select how many rows a table has."""
        where, values = self._asked(unit, Span())
        return f"SELECT count(*) AS n FROM {self.relations[table.name]} AS t{where}", values

    def _asked(self, unit: Unit, span: Span) -> tuple[str, list[Any]]:
        conditions, values = span.where(unit.key, self.backend)
        if self.since is not None:
            values = [*values, self.since]
            conditions.append(f"{quote(unit.seen)} >= ${len(values)}")
        return f" WHERE {' AND '.join(conditions)}" if conditions else "", values
