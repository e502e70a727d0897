"""SQL of a read: identifiers from the dataset's declaration, every value a parameter.

The current rows are one table. As of a moment they are, for each key, the version with the
greatest as_of not after it, among the table and its revisions. Conditions on the key are
asked of the tables, so that primary keys serve; those on values only of the version found.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.api.reading import Filter, Read
from shared.columns import Kind
from shared.database.sql import listed, quote
from shared.dataset import Column, Dataset

Columns = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its parameters, and the columns of its rows."""

    sql: str
    parameters: tuple[Any, ...]
    columns: Columns


def select_rows(read: Read, backend: str) -> Query:
    """Return the query of a read: its columns, then those of the key that it lacks.

    It asks for one row more than the limit, which tells whether the answer is cut.
    """
    return _Select(read, backend).query()


def count_rows(dataset: Dataset) -> str:
    """Return the query of a dataset's size, first and last time, newest as_of, flagged rows.

    One column for each check follows the four others, in order of their declaration.
    """
    time = quote(dataset.time) if dataset.time else None
    first, last = (f"min({time})", f"max({time})") if time else ("NULL", "NULL")
    newest = f"max({quote('as_of')})" if dataset.versioned else "NULL"
    flagged = "".join(
        f", count(*) FILTER (WHERE {sql}) AS {quote(f'flagged_{name}')}"
        for name, sql in dataset.check_sql.items()
    )
    return (
        f"SELECT count(*) AS row_count, {first} AS first_time, {last} AS last_time, "
        f"{newest} AS newest_as_of{flagged} FROM {quote(dataset.name)}"
    )


class _Select:
    """Builds one statement; parameters are numbered as they come up.

    In its text `c` is a stored row and `v` the version that was known.
    """

    def __init__(self, read: Read, backend: str) -> None:
        self._read = read
        self._dataset = read.dataset
        self._known = self._by_lookup if backend == "postgresql" else self._by_sorting
        self._parameters: list[Any] = []

    def query(self) -> Query:
        read, columns = self._read, _unique(self._read.columns, self._read.key)
        sql = self._current(columns) if read.as_of is None else self._known(columns, read.as_of)
        if read.limit is not None:
            sql += f" LIMIT {self._given(read.limit + 1)}"
        return Query(sql, tuple(self._parameters), columns)

    def _current(self, columns: Columns) -> str:
        where = _where(*self._of_key(), *self._of_values("c"))
        table = quote(self._dataset.name)
        return f"SELECT {_names(columns, 'c')} FROM {table} AS c{where}{self._order('c')}"

    def _by_lookup(self, columns: Columns, as_of: dt.datetime) -> str:
        """Go along the current rows and look up what was known by the revisions' primary key.

        Every key has a current row. A page is had without reading the rest, a whole table
        without sorting it: the way of a database with ordered indexes.
        """
        moment, needed = self._given(as_of), self._needed(columns)
        same_key = [f"r.{quote(name)} = c.{quote(name)}" for name in self._dataset.key]
        then = [f"c.as_of > {moment}", *same_key, f"r.as_of <= {moment}"]
        versions = (
            f"SELECT {_names(needed, 'c')} WHERE c.as_of <= {moment} UNION ALL "
            f"(SELECT {_names(needed, 'r')} FROM {quote(self._dataset.revisions)} AS r"
            f"{_where(*then)} ORDER BY r.as_of DESC LIMIT 1)"
        )
        where = _where(*self._of_key(), *self._of_values("v"))
        return (
            f"SELECT {_names(columns, 'v')} FROM {quote(self._dataset.name)} AS c "
            f"CROSS JOIN LATERAL ({versions}) AS v{where}{self._order('c')}"
        )

    def _by_sorting(self, columns: Columns, as_of: dt.datetime) -> str:
        """Sort all versions and keep each key's newest: the way of a columnar database."""
        needed = self._needed(columns)
        where = _where(*self._of_key(), f"c.as_of <= {self._given(as_of)}")
        versions = " UNION ALL ".join(
            f"SELECT {_names(needed, 'c')} FROM {quote(table)} AS c{where}"
            for table in (self._dataset.name, self._dataset.revisions)
        )
        newest = (
            f"SELECT DISTINCT ON ({_names(self._read.key, 'u')}) * FROM ({versions}) AS u"
            f" ORDER BY {_names(self._read.key, 'u')}, u.as_of DESC"
        )
        where = _where(*self._of_values("v"))
        return f"SELECT {_names(columns, 'v')} FROM ({newest}) AS v{where}{self._order('v')}"

    def _needed(self, columns: Columns) -> Columns:
        """Return the columns of a version that are answered or asked about."""
        asked = (*(f.column for f in self._read.filters), *self._time())
        return _unique(columns, asked, [self._dataset.column("as_of")])

    def _of_key(self) -> Iterable[str]:
        """Yield what is asked of the key: filters, bounds of the time, the place to go on at."""
        for chosen in self._read.filters:
            if chosen.column.name in self._dataset.key:
                yield self._among("c", chosen)
        if self._dataset.time in self._dataset.key:
            yield from self._within("c")
        if self._read.after is not None:
            yield from self._behind(self._read.after)

    def _of_values(self, alias: str) -> Iterable[str]:
        for chosen in self._read.filters:
            if chosen.column.name not in self._dataset.key:
                yield self._among(alias, chosen)
        if self._dataset.time not in self._dataset.key:
            yield from self._within(alias)

    def _among(self, alias: str, chosen: Filter) -> str:
        name, values = quote(chosen.column.name), self._given(list(chosen.values))
        if chosen.column.kind is Kind.TEXTS:
            return f"{alias}.{name} @> {values}"
        return f"{alias}.{name} = ANY({values})"

    def _within(self, alias: str) -> Iterable[str]:
        for column in self._time():
            if self._read.start is not None:
                yield f"{alias}.{quote(column.name)} >= {self._given(self._read.start)}"
            if self._read.end is not None:
                yield f"{alias}.{quote(column.name)} <= {self._given(self._read.end)}"

    def _behind(self, after: tuple[Any, ...]) -> Iterable[str]:
        """Compare whole keys, and the first column alone, which prunes where tuples do not."""
        sign = "<" if self._read.descending else ">"
        marks = [self._given(value) for value in after]
        yield f"c.{quote(self._read.key[0].name)} {sign}= {marks[0]}"
        yield f"({_names(self._read.key, 'c')}) {sign} ({', '.join(marks)})"

    def _time(self) -> Columns:
        return (self._dataset.column(self._dataset.time),) if self._dataset.time else ()

    def _order(self, alias: str) -> str:
        direction = " DESC" if self._read.descending else ""
        keys = (f"{alias}.{quote(column.name)}{direction}" for column in self._read.key)
        return f" ORDER BY {', '.join(keys)}"

    def _given(self, value: Any) -> str:
        self._parameters.append(value)
        return f"${len(self._parameters)}"


def _unique(*groups: Iterable[Column]) -> Columns:
    return tuple({column.name: column for columns in groups for column in columns}.values())


def _names(columns: Iterable[Column], alias: str) -> str:
    return listed((column.name for column in columns), alias)


def _where(*conditions: str) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
