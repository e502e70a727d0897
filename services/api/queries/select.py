"""SQL of a read's rows.

The current rows are one table. Otherwise a read is of versions, which are among the table and
its revisions: of each key one is picked, or all are told with the span in which they were
known. Conditions on the key are asked of the tables, so that primary keys serve; those on
values only of the version picked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.api.queries.conditions import Conditions
from services.api.reading import Read, Release
from shared.columns import Column, Kind
from shared.database.sql import listed, quote

Columns = tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its parameters, and the columns of its rows."""

    sql: str
    parameters: tuple[Any, ...]
    columns: Columns


def select_rows(read: Read, backend: str) -> Query:
    """Return the query of a read: its columns, then those of the key that it lacks.

    It asks for one row more than the limit, which tells whether the answer is cut. Where
    rows are `sifted` after reading it has no limit, and all the columns that sifting needs.
    """
    return _Select(read, backend).query()


def select_entities(read: Read, backend: str, most: int) -> Query:
    """Return the query of the entities of a read, and of one more than `most` at most."""
    return _Select(read, backend).entities(most)


class _Select:
    """Builds one statement.

    In its text `c` is a stored row, `r` a revision, `u` any version, `v` the one picked.
    """

    def __init__(self, read: Read, backend: str) -> None:
        self._read = read
        self._dataset = read.dataset
        self._looks_up = backend == "postgresql"
        self._given = Conditions(read)

    def query(self) -> Query:
        read = self._read
        columns = unique(read.stored_columns, read.key, self._sifted())
        body, alias = self._body(columns)
        if read.view.newest and not read.assumed:
            body, alias = self._newest(columns, body), "n"
        sql = f"{body} ORDER BY {', '.join(self._order(alias))}"
        if read.limit is not None and not read.sifted:
            sql += f" LIMIT {self._given.value(read.limit + 1)}"
        return Query(sql, self._given.values, columns)

    def entities(self, most: int) -> Query:
        entity = self._dataset.column(self._dataset.entity)
        body, _ = self._body((entity,))
        sql = f"SELECT DISTINCT e.{quote(entity.name)} FROM ({body}) AS e"
        sql += f" ORDER BY e.{quote(entity.name)} LIMIT {self._given.value(most + 1)}"
        return Query(sql, self._given.values, (entity,))

    def _body(self, columns: Columns) -> tuple[str, str]:
        """Return the rows without their order, and the alias by which they are ordered."""
        if not self._read.of_versions:
            where = _where(*self._given.of_key("c"), *self._given.of_values("c"))
            table = quote(self._dataset.name)
            return f"SELECT {self._told(columns, 'c')} FROM {table} AS c{where}", "c"
        return (self._by_lookup(columns) if self._looks_up else self._by_sorting(columns)), "v"

    def _told(self, columns: Columns, alias: str) -> str:
        """Return what is selected; figures as text where the answer takes them so.

        PostgreSQL spells them then as they are to be answered, and nobody reads and spells
        them once more.
        """
        if not (self._looks_up and self._read.spelled):
            return _names(columns, alias)
        names = ((quote(c.name), c.kind is Kind.FLOAT) for c in columns)
        return ", ".join(
            f"{alias}.{name}::text AS {name}" if figure else f"{alias}.{name}"
            for name, figure in names
        )

    def _by_lookup(self, columns: Columns) -> str:
        """Go along the current rows and look up their versions by the revisions' primary key.

        Every key has a current row. A page is had without reading the rest, a whole table
        without sorting it: the way of a database with ordered indexes.
        """
        same_key = [f"r.{quote(name)} = c.{quote(name)}" for name in self._dataset.key]
        plain = not self._read.revisions and not self._read.assumed
        if plain and self._read.release is Release.LATEST:
            chosen = self._known_then(self._needed(columns), same_key)
        else:
            chosen = self._of_all(self._needed(columns), same_key)
        asked = [*self._given.of_key("c"), *self._given.of_values("v"), *self._behind()]
        return (
            f"SELECT {self._told(columns, 'v')} FROM {quote(self._dataset.name)} AS c "
            f"CROSS JOIN LATERAL ({chosen}) AS v{_where(*asked)}"
        )

    def _known_then(self, needed: Columns, same_key: list[str]) -> str:
        """Select what was known then of a row: mostly the row itself, without a look-up."""
        moment = self._given.value(self._read.as_of)
        then = [f"c.as_of > {moment}", *same_key, f"r.as_of <= {moment}"]
        return (
            f"SELECT {_names(needed, 'c')} WHERE c.as_of <= {moment} UNION ALL "
            f"(SELECT {_names(needed, 'r')} FROM {quote(self._dataset.revisions)} AS r"
            f"{_where(*then)} ORDER BY r.as_of DESC LIMIT 1)"
        )

    def _of_all(self, needed: Columns, same_key: list[str]) -> str:
        """Pick among all versions of a row, or tell them all."""
        where, order = self._pick()
        revisions = f"SELECT {_names(needed, 'r')} FROM {quote(self._dataset.revisions)} AS r"
        versions = f"SELECT {_names(needed, 'c')} UNION ALL {revisions}{_where(*same_key)}"
        last = "" if self._read.revisions else f" ORDER BY {order} LIMIT 1"
        return f"SELECT u.*{self._spans('')} FROM ({versions}) AS u{where}{last}"

    def _by_sorting(self, columns: Columns) -> str:
        """Sort all versions and pick among those of each key: the way of a columnar database."""
        needed, key = self._needed(columns), listed(self._dataset.key, "u")
        asked = _where(*self._given.of_key("c"))
        versions = " UNION ALL ".join(
            f"SELECT {_names(needed, 'c')} FROM {quote(table)} AS c{asked}"
            for table in (self._dataset.name, self._dataset.revisions)
        )
        where, order = self._pick()
        if self._read.revisions:
            spans = self._spans(f"PARTITION BY {key} ")
            chosen = f"SELECT u.*{spans} FROM ({versions}) AS u{where}"
        else:
            chosen = f"SELECT DISTINCT ON ({key}) u.* FROM ({versions}) AS u{where}"
            chosen += f" ORDER BY {key}, {order}"
        asked = _where(*self._given.of_values("v"), *self._behind())
        return f"SELECT {_names(columns, 'v')} FROM ({chosen}) AS v{asked}"

    def _pick(self) -> tuple[str, str]:
        """Return which versions of a key count, and the order that puts the wanted one first."""
        read = self._read
        if read.release is Release.FIRST or read.as_of is None:
            order = "u.as_of"
        elif read.assumed:
            # What was known then, the newest of it first; else the earliest version of all.
            moment = self._given.value(read.as_of)
            order = f"CASE WHEN u.as_of <= {moment} THEN u.as_of END DESC NULLS LAST, u.as_of"
        else:
            order = "u.as_of DESC"
        if read.as_of is None or read.assumed:
            return "", order
        return f" WHERE u.as_of <= {self._given.value(read.as_of)}", order

    def _spans(self, partition: str) -> str:
        if not self._read.revisions:
            return ""
        until = f"LEAD(u.as_of) OVER ({partition}ORDER BY u.as_of)"
        return f', u.as_of AS "known_from", {until} AS "known_until"'

    def _behind(self) -> Iterable[str]:
        """Compare the whole key of a version, of which `of_key` knows the row's alone."""
        if self._read.revisions and self._read.after is not None:
            sign = "<" if self._read.descending else ">"
            marks = ", ".join(map(self._given.value, self._read.after))
            yield f"({_names(self._read.key, 'v')}) {sign} ({marks})"

    def _newest(self, columns: Columns, body: str) -> str:
        """Keep the newest row of each entity."""
        entity = f"o.{quote(self._dataset.entity)}"
        order = ", ".join(f"o.{quote(name)} DESC" for name in self._read.within_entity)
        chosen = f"SELECT DISTINCT ON ({entity}) o.* FROM ({body}) AS o ORDER BY {entity} DESC"
        return f"SELECT {_names(columns, 'n')} FROM ({chosen}{order and ', ' + order}) AS n"

    def _order(self, alias: str) -> Iterable[str]:
        read, direction = self._read, " DESC" if self._read.descending else ""
        names = [(column.name, direction) for column in read.key]
        if read.wide is not None:
            names.append((self._dataset.entity, ""))
        elif read.view.newest and read.assumed:
            names += [(name, " DESC") for name in read.within_entity]
        for name, way in names:
            # PostgreSQL goes along the current rows, so that it never sorts.
            along = alias == "v" and self._looks_up and name in self._dataset.key
            yield f"{'c' if along else alias}.{quote(name)}{way}"

    def _needed(self, columns: Columns) -> Columns:
        """Return the stored columns of a version that are answered or asked about."""
        dataset = self._dataset
        asked = [f.column for f in self._read.filters]
        time = [dataset.column(dataset.time)] if dataset.time else []
        key = [dataset.column(name) for name in dataset.key]
        stored = {column.name for column in dataset.stored}
        answered = [column for column in columns if column.name in stored]
        return unique(answered, asked, time, key, [dataset.column("as_of")])

    def _sifted(self) -> Columns:
        dataset, read = self._dataset, self._read
        entity = (dataset.column(dataset.entity),) if read.wide is not None else ()
        if not read.assumed:
            return entity
        newest = [dataset.column(name) for name in read.within_entity] if read.view.newest else []
        return unique(entity, newest, dataset.columns, [dataset.column("as_of")])


def unique(*groups: Iterable[Column]) -> Columns:
    """Return columns, each once, in the order of their first mention."""
    return tuple({column.name: column for columns in groups for column in columns}.values())


def _names(columns: Iterable[Column], alias: str) -> str:
    return listed((column.name for column in columns), alias)


def _where(*conditions: str) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
