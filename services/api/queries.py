"""SQL of a read: identifiers from the dataset's declaration, every value a parameter.

The current rows are one table. As of a moment they are, for each key, the version with the
greatest as_of not after it, among the table and its revisions. Conditions on the key are
asked of both, so that their primary keys serve; those on values only of the version found.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.api.reading import Filter, Read
from shared.columns import Kind
from shared.database.sql import listed, quote
from shared.dataset import Column, Dataset


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its parameters, and the columns of its rows."""

    sql: str
    parameters: tuple[Any, ...]
    columns: tuple[Column, ...]


def select_rows(read: Read, backend: str) -> Query:
    """Return the query of a read: its columns, then those of the key that it lacks.

    It asks for one row more than the limit, which tells whether the answer is cut.
    """
    return _Select(read, backend).query()


def count_rows(dataset: Dataset) -> str:
    """Return the query of a dataset's size, first and last time, and newest as_of."""
    time = quote(dataset.time) if dataset.time else None
    first, last = (f"min({time})", f"max({time})") if time else ("NULL", "NULL")
    newest = f"max({quote('as_of')})" if dataset.versioned else "NULL"
    return (
        f"SELECT count(*) AS row_count, {first} AS first_time, {last} AS last_time, "
        f"{newest} AS newest_as_of FROM {quote(dataset.name)}"
    )


class _Select:
    """Builds one statement; parameters are numbered as they come up."""

    def __init__(self, read: Read, backend: str) -> None:
        self._read = read
        self._dataset = read.dataset
        self._collation = ' COLLATE "C"' if backend == "postgresql" else ""
        self._parameters: list[Any] = []

    def query(self) -> Query:
        read = self._read
        columns = _unique(read.columns, read.key)
        of_key = list(self._key_conditions())
        of_values = list(self._value_conditions())
        if read.as_of is None:
            rows = f"SELECT {_names(columns)} FROM {quote(self._dataset.name)}"
            rows += _where(of_key + of_values)
        else:
            rows = self._known(columns, of_key, of_values)
        sql = f"{rows} ORDER BY {self._order()}"
        if read.limit is not None:
            sql += f" LIMIT {self._given(read.limit + 1)}"
        return Query(sql, tuple(self._parameters), columns)

    def _known(self, columns: Iterable[Column], of_key: list[str], of_values: list[str]) -> str:
        """Select each key's newest version not after the read's as_of."""
        as_of = self._dataset.column("as_of")
        asked = (*(f.column for f in self._read.filters), *self._time_columns())
        needed = _unique(columns, asked, [as_of])
        not_after = f"{quote(as_of.name)} <= {self._given(self._read.as_of)}"
        versions = " UNION ALL ".join(
            f"SELECT {_names(needed)} FROM {quote(table)}{_where([*of_key, not_after])}"
            for table in (self._dataset.name, self._dataset.revisions)
        )
        keys = ", ".join(self._collated(column) for column in self._read.key)
        newest = (
            f"SELECT DISTINCT ON ({keys}) {_names(needed)} FROM ({versions}) AS v "
            f"ORDER BY {self._order()}, {quote(as_of.name)} DESC"
        )
        return f"SELECT {_names(columns)} FROM ({newest}) AS known{_where(of_values)}"

    def _key_conditions(self) -> Iterable[str]:
        """Yield what is asked of the key: filters, bounds of the time, the place to go on at."""
        for chosen in self._read.filters:
            if chosen.column.name in self._dataset.key:
                yield self._among(chosen)
        if self._dataset.time in self._dataset.key:
            yield from self._within()
        if self._read.after is not None:
            yield from self._behind(self._read.after)

    def _value_conditions(self) -> Iterable[str]:
        for chosen in self._read.filters:
            if chosen.column.name not in self._dataset.key:
                yield self._among(chosen)
        if self._dataset.time not in self._dataset.key:
            yield from self._within()

    def _among(self, chosen: Filter) -> str:
        name = quote(chosen.column.name)
        if chosen.column.kind is Kind.TEXTS:
            return f"{name} @> {self._given(list(chosen.values))}"
        return f"{name} = ANY({self._given(list(chosen.values))})"

    def _within(self) -> Iterable[str]:
        for column in self._time_columns():
            if self._read.start is not None:
                yield f"{quote(column.name)} >= {self._given(self._read.start)}"
            if self._read.end is not None:
                yield f"{quote(column.name)} <= {self._given(self._read.end)}"

    def _behind(self, after: tuple[Any, ...]) -> Iterable[str]:
        """Compare whole keys, and the entity by itself, which prunes where tuples do not."""
        sign = "<" if self._read.descending else ">"
        marks = [self._given(value) for value in after]
        keys = [self._collated(column) for column in self._read.key]
        if len(keys) == 1:
            yield f"{keys[0]} {sign} {marks[0]}"
            return
        yield f"{keys[0]} {sign}= {marks[0]}"
        yield f"({', '.join(keys)}) {sign} ({', '.join(marks)})"

    def _time_columns(self) -> tuple[Column, ...]:
        return (self._dataset.column(self._dataset.time),) if self._dataset.time else ()

    def _order(self) -> str:
        direction = " DESC" if self._read.descending else ""
        return ", ".join(self._collated(column) + direction for column in self._read.key)

    def _collated(self, column: Column) -> str:
        """Return a column of the key as it is compared: texts by their code points, everywhere."""
        return quote(column.name) + (self._collation if column.kind is Kind.TEXT else "")

    def _given(self, value: Any) -> str:
        self._parameters.append(value)
        return f"${len(self._parameters)}"


def _unique(*groups: Iterable[Column]) -> tuple[Column, ...]:
    return tuple({column.name: column for columns in groups for column in columns}.values())


def _names(columns: Iterable[Column]) -> str:
    return listed(column.name for column in columns)


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
