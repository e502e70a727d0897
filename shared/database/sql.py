"""Statements that write a batch, derived from a dataset; the same text runs on both databases.

Each works on `incoming_<dataset>`, one row for each key of the batch: its last record, and
whether the key is `intricate`, that is for `versions.absorb` to decide.
"""

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
        return f"incoming_{self.dataset.name}"

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

    def insert_new(self, *, lock: bool) -> str:
        """Store the keys that are new; with `lock`, lock the stored ones, in order of key.

        `DO UPDATE … WHERE false` locks a row and changes nothing, so that one statement
        takes all locks in one order and two writers never wait for each other in a circle.
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
            f"WHERE NOT {INTRICATE} ORDER BY {key} ON CONFLICT ({key}) DO {action}"
        )

    @cached_property
    def confirm(self) -> str:
        """Move confirmed_as_of of the rows that were seen again unchanged."""
        latest = [c for c in self.dataset.values if not c.versioned]
        sets = ["confirmed_as_of = i.as_of"] + [
            f"{quote(c.name)} = i.{quote(c.name)}" for c in latest
        ]
        newer = ["i.as_of > c.confirmed_as_of", *(_differs(c) for c in latest)]
        return (
            f"UPDATE {self.table} AS c SET {', '.join(sets)} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND NOT i.{INTRICATE} AND i.as_of >= c.confirmed_as_of "
            f"AND {self._same_values} AND ({' OR '.join(newer)})"
        )

    @cached_property
    def archive(self) -> str:
        """Copy to the revisions the rows that are about to be replaced."""
        columns = self.stored_columns
        return (
            f"INSERT INTO {self.revisions} ({listed(columns)}) SELECT {listed(columns, 'c')} "
            f"FROM {self.table} AS c JOIN {self.incoming} AS i ON {self._same_key} "
            f"WHERE {self._succeeds}"
        )

    @cached_property
    def replace(self) -> str:
        """Put the newer value in the place of the one just archived."""
        names = [c.name for c in self.dataset.values] + ["as_of", *MESSAGE]
        sets = [f"{quote(n)} = i.{quote(n)}" for n in names]
        sets += ["confirmed_as_of = i.as_of", "updated_at = now()"]
        return (
            f"UPDATE {self.table} AS c SET {', '.join(sets)} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND {self._succeeds}"
        )

    @cached_property
    def overwrite(self) -> str:
        """Put the later message in the place of the earlier, where rows have no versions."""
        names = [c.name for c in self.dataset.values] + list(MESSAGE)
        sets = [*(f"{quote(n)} = i.{quote(n)}" for n in names), "updated_at = now()"]
        changed = " OR ".join(_differs(c) for c in self.dataset.values)
        return (
            f"UPDATE {self.table} AS c SET {', '.join(sets)} FROM {self.incoming} AS i "
            f"WHERE {self._same_key} AND ({changed})"
        )

    @cached_property
    def late(self) -> str:
        """Select the keys whose record is neither stored nor newer than what is stored."""
        return (
            f"SELECT {listed(self.dataset.key, 'i')} FROM {self.incoming} AS i "
            f"JOIN {self.table} AS c ON {self._same_key} WHERE NOT i.{INTRICATE} "
            f"AND NOT (i.as_of BETWEEN c.as_of AND c.confirmed_as_of AND {self._same_values})"
        )

    @property
    def keys_name(self) -> str:
        """Name of the table that the intricate keys are copied into."""
        return f"keys_{self.dataset.name}"

    @cached_property
    def lock_keys(self) -> str:
        """Lock the current rows of the intricate keys, in order of key."""
        return (
            f"SELECT 1 FROM {self.table} AS v JOIN {quote(self.keys_name)} AS k "
            f"ON {self._of_keys} ORDER BY {listed(self.dataset.key, 'v')} FOR UPDATE OF v"
        )

    @cached_property
    def runs(self) -> str:
        """Select all stored versions of the intricate keys, and which of them are current."""
        columns, keys = listed(self.stored_columns, "v"), quote(self.keys_name)
        parts = [
            f"SELECT {columns}, {current} AS is_current FROM {table} AS v "
            f"JOIN {keys} AS k ON {self._of_keys}"
            for table, current in ((self.table, "true"), (self.revisions, "false"))
        ]
        return " UNION ALL ".join(parts)

    @property
    def gone_name(self) -> str:
        """Name of the table of revisions to delete."""
        return f"gone_{self.dataset.name}"

    @property
    def put_name(self) -> str:
        """Name of the table of current rows to insert."""
        return f"put_{self.dataset.name}"

    @property
    def change_name(self) -> str:
        """Name of the table of current rows to overwrite."""
        return f"change_{self.dataset.name}"

    @property
    def put_revision_name(self) -> str:
        """Name of the table of revisions to insert."""
        return f"put_{self.dataset.revisions}"

    @cached_property
    def delete_revisions(self) -> str:
        """Delete revisions by key and as_of."""
        same = " AND ".join(f"r.{quote(k)} = g.{quote(k)}" for k in (*self.dataset.key, "as_of"))
        return f"DELETE FROM {self.revisions} AS r USING {quote(self.gone_name)} AS g WHERE {same}"

    @cached_property
    def insert_revisions(self) -> str:
        """Insert revisions, all columns given."""
        return self._insert_all(self.revisions, self.put_revision_name)

    @cached_property
    def insert_current(self) -> str:
        """Insert current rows, all columns given."""
        return self._insert_all(self.table, self.put_name)

    @cached_property
    def update_current(self) -> str:
        """Overwrite current rows, all columns given."""
        rest = [name for name in self.stored_columns if name not in self.dataset.key]
        sets = ", ".join(f"{quote(name)} = i.{quote(name)}" for name in rest)
        return (
            f"UPDATE {self.table} AS c SET {sets} FROM {quote(self.change_name)} AS i "
            f"WHERE {self._same_key}"
        )

    def _insert_all(self, table: str, source: str) -> str:
        columns = listed(self.stored_columns)
        return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {quote(source)}"

    @property
    def _of_keys(self) -> str:
        return " AND ".join(f"v.{quote(k)} = k.{quote(k)}" for k in self.dataset.key)

    @property
    def _same_key(self) -> str:
        return " AND ".join(f"c.{quote(k)} = i.{quote(k)}" for k in self.dataset.key)

    @property
    def _same_values(self) -> str:
        versioned = [c for c in self.dataset.values if c.versioned]
        return " AND ".join(
            f"c.{quote(c.name)} IS NOT DISTINCT FROM i.{quote(c.name)}" for c in versioned
        )

    @property
    def _succeeds(self) -> str:
        return f"NOT i.{INTRICATE} AND i.as_of > c.confirmed_as_of AND NOT ({self._same_values})"


def _differs(column: Column) -> str:
    return f"c.{quote(column.name)} IS DISTINCT FROM i.{quote(column.name)}"
