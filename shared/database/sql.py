"""Statements that write a batch, derived from a dataset; the same text runs on both databases.

Each works on the incoming table, one row for each key of the batch: its record, or the first
of its records where it is `intricate`, that is for `versions.absorb` to decide.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shared.dataset import Column, Dataset
from shared.errors import Fatal

INTRICATE = "intricate"
MESSAGE = ("source", "kafka_epoch", "kafka_partition", "kafka_offset")
STAMPS = ("created_at", "updated_at")


def quote(identifier: str) -> str:
    """Return an identifier quoted; raises Fatal for one that no declaration could have made."""
    if not identifier.isidentifier() or not identifier.isascii():
        raise Fatal(f"{identifier!r} is no column or table name")
    return f'"{identifier}"'


def listed(names: Iterable[str], alias: str = "") -> str:
    """Return quoted names, comma separated, each behind an alias if one is given."""
    return ", ".join(f"{alias}.{quote(name)}" if alias else quote(name) for name in names)


@dataclass(frozen=True)
class Statements:
    """The statements for one dataset."""

    dataset: Dataset

    @property
    def table(self) -> str:
        """The table, quoted."""
        return quote(self.dataset.name)

    @property
    def revisions(self) -> str:
        """The revisions table, quoted."""
        return quote(self.dataset.revisions)

    @property
    def incoming_name(self) -> str:
        """Name of the table that the batch is copied into."""
        return self._loaded("incoming")

    @property
    def incoming(self) -> str:
        """That table, quoted."""
        return quote(self.incoming_name)

    @cached_property
    def incoming_columns(self) -> tuple[str, ...]:
        """Columns of a batch's row: fields, as_of, its message, and whether it is intricate."""
        fields = tuple(column.name for column in self.dataset.columns)
        return (*fields, "as_of", *MESSAGE, INTRICATE)

    @cached_property
    def stored_columns(self) -> tuple[str, ...]:
        """Columns of the table."""
        return tuple(column.name for column in self.dataset.stored)

    @cached_property
    def straight_columns(self) -> tuple[str, ...]:
        """Columns of a row that is stored without a merge; the stamps have defaults."""
        return tuple(name for name in self.stored_columns if name not in STAMPS)

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Columns of the key before the time, which name a series.

        A row past the newest of its series is new; none where the table has no such order.
        """
        key, time = self.dataset.key, self.dataset.time
        return key[: key.index(time)] if self.dataset.versioned and time in key else ()

    @property
    def series_name(self) -> str:
        """Name of the table that series to look up are copied into."""
        return self._loaded("series")

    @cached_property
    def newest(self) -> str:
        """Select series and the newest stored time of each, null where nothing is stored."""
        time = quote(self.dataset.time or "")
        same = " AND ".join(f"c.{quote(name)} = s.{quote(name)}" for name in self.series)
        return (
            f"SELECT {listed(self.series, 's')}, (SELECT max(c.{time}) FROM {self.table} AS c "
            f"WHERE {same}) AS newest FROM {quote(self.series_name)} AS s"
        )

    def all_newest(self, most: int) -> str:
        """Select the same of all series, and one more than `most` where there are more."""
        series, time = listed(self.series), quote(self.dataset.time or "")
        newest = f"SELECT {series}, max({time}) AS newest FROM {self.table}"
        return f"{newest} GROUP BY {series} LIMIT {most + 1}"

    def insert_new(self, *, lock: bool) -> str:
        """Store the keys that are new; with `lock`, lock the stored ones, in order of key.

        `DO UPDATE … WHERE false` locks a row and changes nothing, so that one statement
        claims and locks all keys in one order: two writers never wait for each other in a
        circle, and what later statements read of a key stays as it is.
        """
        key = listed(self.dataset.key)
        times = ("as_of", "confirmed_as_of") if self.dataset.versioned else ()
        given = listed(column.name for column in self.dataset.columns)
        moments = "as_of, as_of, " if times else ""
        names = [*(c.name for c in self.dataset.columns), *times, *MESSAGE, *STAMPS]
        action = (
            f"UPDATE SET updated_at = {self.table}.updated_at WHERE false" if lock else "NOTHING"
        )
        return (
            f"INSERT INTO {self.table} ({listed(names)}) "
            f"SELECT {given}, {moments}{listed(MESSAGE)}, now(), now() FROM {self.incoming} "
            f"ORDER BY {key} ON CONFLICT ({key}) DO {action}"
        )

    @cached_property
    def confirm(self) -> str:
        """Move confirmed_as_of of the rows that were seen again unchanged.

        That is no update, unless a field without versions came with another value.
        """
        latest = [c for c in self.dataset.values if not c.versioned]
        sets = ["confirmed_as_of = i.as_of"]
        newer = ["i.as_of > c.confirmed_as_of"]
        if latest:
            changed = " OR ".join(_differs(c) for c in latest)
            sets += [f"{quote(c.name)} = i.{quote(c.name)}" for c in latest]
            sets += [f"updated_at = CASE WHEN {changed} THEN now() ELSE c.updated_at END"]
            newer += [changed]
        return (
            f"UPDATE {self.table} AS c SET {', '.join(sets)} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND NOT i.{INTRICATE} AND i.as_of >= c.confirmed_as_of "
            f"AND {self._same_values('c')} AND ({' OR '.join(newer)})"
        )

    @cached_property
    def archive(self) -> str:
        """Copy to the revisions the rows that are about to be replaced."""
        columns = self.stored_columns
        return (
            f"INSERT INTO {self.revisions} ({listed(columns)}) SELECT {listed(columns, 'c')} "
            f"FROM {self.table} AS c JOIN {self.incoming} AS i ON {self._same_key} "
            f"WHERE {self._succeeds('c')}"
        )

    @cached_property
    def replace(self) -> str:
        """Put the newer value in the place of the one just archived."""
        return (
            f"UPDATE {self.table} AS c SET {self._replacement} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND {self._succeeds('c')}"
        )

    @cached_property
    def supersede(self) -> str:
        """Archive and replace in one; for PostgreSQL, and rows that nobody has locked yet.

        A row that another writer changes meanwhile is left alone: it is another `xmin` then.
        """
        columns = self.stored_columns
        return (
            f"WITH gone AS (UPDATE {self.table} AS c SET {self._replacement} "
            f"FROM {self.incoming} AS i JOIN {self.table} AS o ON {self._same('o', 'i')} "
            f"WHERE c.ctid = o.ctid AND c.xmin = o.xmin AND {self._succeeds('o')} "
            f"RETURNING {listed(columns, 'o')}) "
            f"INSERT INTO {self.revisions} ({listed(columns)}) SELECT {listed(columns)} FROM gone"
        )

    @cached_property
    def overwrite(self) -> str:
        """Put the later message in the place of the earlier, where rows have no versions."""
        names = [c.name for c in self.dataset.values] + list(MESSAGE)
        sets = [*(f"{quote(n)} = i.{quote(n)}" for n in names), "updated_at = now()"]
        changed = " OR ".join(_differs(c) for c in self.dataset.values) or "false"
        return (
            f"UPDATE {self.table} AS c SET {', '.join(sets)} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND NOT i.{INTRICATE} AND ({changed})"
        )

    @cached_property
    def late(self) -> str:
        """Select the keys whose record is neither stored nor newer than what is stored."""
        stored = (
            f"SELECT 1 FROM {self.revisions} AS r WHERE {self._same('r', 'i')} "
            f"AND {self._holds('r')}"
        )
        return (
            f"SELECT {listed(self.dataset.key, 'i')} FROM {self.incoming} AS i "
            f"JOIN {self.table} AS c ON {self._same_key} WHERE NOT i.{INTRICATE} "
            f"AND NOT ({self._holds('c')}) AND NOT EXISTS ({stored})"
        )

    @property
    def keys_name(self) -> str:
        """Name of the table that the keys left to `versions.absorb` are copied into."""
        return self._loaded("keys")

    @cached_property
    def runs(self) -> str:
        """Select all stored versions of those keys, and what time it is."""
        columns = listed(self.stored_columns, "v")
        join = f"JOIN {quote(self.keys_name)} AS k ON {self._same('v', 'k')}"
        return " UNION ALL ".join(
            f"SELECT {columns}, now() AS now FROM {table} AS v {join}"
            for table in (self.table, self.revisions)
        )

    @property
    def gone_name(self) -> str:
        """Name of the table of revisions to delete."""
        return self._loaded("gone")

    @property
    def put_name(self) -> str:
        """Name of the table of revisions to insert."""
        return self._loaded("put")

    @property
    def change_name(self) -> str:
        """Name of the table of current rows to overwrite."""
        return self._loaded("change")

    @cached_property
    def delete_revisions(self) -> str:
        """Delete revisions by key and as_of."""
        same = " AND ".join(f"r.{quote(k)} = g.{quote(k)}" for k in (*self.dataset.key, "as_of"))
        return f"DELETE FROM {self.revisions} AS r USING {quote(self.gone_name)} AS g WHERE {same}"

    @cached_property
    def insert_revisions(self) -> str:
        """Insert revisions, all columns given."""
        columns = listed(self.stored_columns)
        return (
            f"INSERT INTO {self.revisions} ({columns}) SELECT {columns} FROM {quote(self.put_name)}"
        )

    @cached_property
    def update_current(self) -> str:
        """Overwrite current rows; when the key was first stored stays as it is."""
        kept = {*self.dataset.key, "created_at"}
        names = [name for name in self.stored_columns if name not in kept]
        sets = ", ".join(f"{quote(name)} = i.{quote(name)}" for name in names)
        return (
            f"UPDATE {self.table} AS c SET {sets} FROM {quote(self.change_name)} AS i "
            f"WHERE {self._same_key}"
        )

    def _loaded(self, purpose: str) -> str:
        """Name a table that a transaction loads; a connection keeps its columns for ever."""
        columns = ",".join(f"{c.name} {c.kind.label}" for c in self.dataset.stored)
        return f"{purpose}_{self.dataset.name}_{zlib.crc32(columns.encode()):08x}"

    @property
    def _same_key(self) -> str:
        return self._same("c", "i")

    def _same(self, one: str, other: str) -> str:
        return " AND ".join(
            f"{one}.{quote(name)} = {other}.{quote(name)}" for name in self.dataset.key
        )

    def _same_values(self, alias: str, *, versioned: bool = True) -> str:
        same = (
            f"{alias}.{quote(c.name)} IS NOT DISTINCT FROM i.{quote(c.name)}"
            for c in self.dataset.values
            if c.versioned is versioned
        )
        return " AND ".join(same) or "true"

    def _holds(self, alias: str) -> str:
        """Say that a stored run has all that the record says of its moment."""
        latest = self._same_values(alias, versioned=False)
        return (
            f"i.as_of BETWEEN {alias}.as_of AND {alias}.confirmed_as_of "
            f"AND {self._same_values(alias)} AND (i.as_of < {alias}.confirmed_as_of OR {latest})"
        )

    def _succeeds(self, alias: str) -> str:
        same = self._same_values(alias)
        return f"NOT i.{INTRICATE} AND i.as_of > {alias}.confirmed_as_of AND NOT ({same})"

    @property
    def _replacement(self) -> str:
        names = [c.name for c in self.dataset.values] + ["as_of", *MESSAGE]
        sets = [f"{quote(n)} = i.{quote(n)}" for n in names]
        return ", ".join([*sets, "confirmed_as_of = i.as_of", "updated_at = now()"])


def _differs(column: Column) -> str:
    return f"c.{quote(column.name)} IS DISTINCT FROM i.{quote(column.name)}"
