"""Rows of a DataFrame into a table, in steps; the caller says what becomes of rows that stand."""

import datetime as dt
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import UTC_MICROSECONDS
from shared.database.base import Batch, Reader
from shared.database.fold import by_key
from shared.database.sql import Statements, listed, quote
from shared.database.steps import Execute, Load, Select, Steps
from shared.database.write import lay_out, write
from shared.dataset import Dataset
from shared.errors import Fatal

OnConflict = Literal["ignore", "update", "newest"]
_NOBODY = Reader("", "")
_GIVEN = "given_rows"

KEY_OF = """SELECT k.column_name FROM information_schema.table_constraints AS c
JOIN information_schema.key_column_usage AS k ON k.constraint_name = c.constraint_name
AND k.table_schema = c.table_schema AND k.table_name = c.table_name
WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = current_schema()
AND c.table_name = $1 ORDER BY k.ordinal_position"""


def insert_rows(
    dataset: Dataset, rows: pa.Table, on_conflict: OnConflict, *, locks: bool
) -> Steps[int]:
    """Yield the steps that store rows of a dataset; return how many changed what is stored.

    rows  the fields and `decode.BATCH_FIELDS`, no messages
    """
    if not rows.num_rows:
        return 0
    if on_conflict == "ignore":
        statements, folded = Statements(dataset), by_key(Batch(_NOBODY, dataset, rows))
        yield Load(statements.incoming_name, folded.incoming)
        inserted: int = yield Execute(statements.insert_new(lock=False))
        return inserted
    if on_conflict == "update" and dataset.versioned:
        rows = yield from _become_current(dataset, rows)
    batch = Batch(_NOBODY, dataset, rows)
    written = yield from write(batch, lay_out(batch), None, locks=locks)
    return written.inserted + written.updated + written.confirmed


def insert_plain(
    table: str, key: tuple[str, ...], rows: pa.Table, on_conflict: OnConflict
) -> Steps[int]:
    """Yield the steps that store rows in a table that is no dataset; of a key twice, the last.

    Raises Fatal where the table has no key, or rows lack what decides which is newer.
    """
    names = rows.column_names
    if not key or not set(key) <= set(names):
        raise Fatal(
            f"{table} has the primary key ({', '.join(key)}) and the rows have {names}: "
            "without a key, the same rows would be stored twice"
        )
    if on_conflict == "newest" and "as_of" not in names:
        raise Fatal(f"{table}: `newest` goes by the column as_of, which the rows lack")
    yield Load(_GIVEN, _last_of_each(rows, key))
    action = _action(table, key, names, on_conflict)
    inserted: int = yield Execute(
        f"INSERT INTO {quote(table)} ({listed(names)}) SELECT {listed(names)} FROM {_GIVEN} "
        f"ORDER BY {listed(key)} ON CONFLICT ({listed(key)}) DO {action}"
    )
    return inserted


def _action(table: str, key: tuple[str, ...], names: list[str], on_conflict: OnConflict) -> str:
    values = [name for name in names if name not in key]
    if on_conflict == "ignore" or not values:
        return "NOTHING"
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in values)
    if on_conflict == "newest":
        return f"UPDATE SET {sets} WHERE excluded.as_of > {quote(table)}.as_of"
    changed = " OR ".join(
        f"{quote(table)}.{quote(name)} IS DISTINCT FROM excluded.{quote(name)}" for name in values
    )
    return f"UPDATE SET {sets} WHERE {changed}"


def _last_of_each(rows: pa.Table, key: tuple[str, ...]) -> pa.Table:
    keys = _numbered(rows.select(key))
    last = keys.group_by(list(key), use_threads=False).aggregate([("place", "max")])
    places = last["place_max"]
    return rows.take(places.take(pc.sort_indices(places)))


def _become_current(dataset: Dataset, rows: pa.Table) -> Steps[pa.Table]:
    """Return the rows, each known late enough to succeed the run that stands, if it differs."""
    key, values = list(dataset.key), [column.name for column in dataset.values]
    statements, folded = Statements(dataset), by_key(Batch(_NOBODY, dataset, rows))
    wanted = statements.incoming_name.replace("incoming", "wanted", 1)
    yield Load(wanted, folded.incoming)
    same_key = " AND ".join(f"c.{quote(name)} = i.{quote(name)}" for name in key)
    same = " AND ".join(f"c.{quote(n)} IS NOT DISTINCT FROM i.{quote(n)}" for n in values) or "true"
    stored: pa.Table = yield Select(
        f"SELECT {listed(key, 'c')}, c.confirmed_as_of AS stands_until, now() AS now, "
        f"{same} AS same FROM {statements.table} AS c JOIN {quote(wanted)} AS i ON {same_key}"
    )
    places = _numbered(rows.select([*key, "as_of"]))
    joined = places.join(stored, key, join_type="left outer", use_threads=False).sort_by("place")
    until, now = joined["stands_until"], joined["now"]
    after = pc.add(until, pa.scalar(dt.timedelta(microseconds=1), pa.duration("us")))
    late = pc.and_(pc.less_equal(joined["as_of"], until), pc.invert(joined["same"]))
    soon = pc.if_else(pc.greater(now, after), now, after)
    as_of = pc.if_else(late.fill_null(False), soon, joined["as_of"])
    place = rows.schema.get_field_index("as_of")
    return rows.set_column(place, rows.schema.field(place), as_of.cast(UTC_MICROSECONDS))


def _numbered(rows: pa.Table) -> pa.Table:
    return rows.append_column("place", pa.array(range(rows.num_rows), pa.int64()))
