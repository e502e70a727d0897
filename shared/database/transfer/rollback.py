"""Undoes what one run wrote, and leaves alone what anybody else wrote since."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from shared.database.base import Database
from shared.database.sql import listed, quote
from shared.database.steps import Append, Execute, Select, Steps
from shared.database.tables import Table
from shared.database.transfer.journal import DIGEST, key_from, row_digest, rows_from, rows_text
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Row, Span, Unit
from shared.errors import Fatal

_XIDS = 2**32


@dataclass(slots=True)
class Undone:
    """What was undone of a unit; `kept` are rows and keys that others changed since."""

    unit: str
    deleted: int = 0
    restored: int = 0
    kept: int = 0


async def rollback(database: Database, run_id: str, units: list[Unit]) -> list[Undone]:
    """Undo a run, the last part first, each in a transaction; may be broken off and repeated.

    Raises Fatal where there is no such run, or an earlier version noted its rows otherwise.
    """
    found = await database.fetch("SELECT 1 AS n FROM transfer_runs WHERE run_id = $1", (run_id,))
    if not found.num_rows:
        raise Fatal(f"there is no run {run_id!r} here: `--rollback` lists none; see transfer_runs")
    earlier = await database.fetch(
        "SELECT 1 AS n FROM transfer_appended WHERE run_id = $1 AND digest NOT LIKE $2 LIMIT 1",
        (run_id, f"{DIGEST}%"),
    )
    if earlier.num_rows:
        raise Fatal(
            f"run {run_id} was written by an earlier econstream, which knew its rows by other "
            "digests: roll it back with that one"
        )
    outcome = []
    for unit in (OFFSETS, *units[::-1]):
        undone = Undone(unit.name)
        parts = await database.fetch(
            "SELECT * FROM transfer_parts WHERE run_id = $1 AND unit = $2 ORDER BY part DESC",
            (run_id, unit.name),
        )
        for part in parts.to_pylist():
            async with database.transaction() as transaction:
                postgres = database.backend == "postgresql"
                await transaction.run(_undo(unit, part, undone, postgres=postgres))
        outcome.append(undone)
    await database.execute(
        "UPDATE transfer_runs SET undone_at = now() WHERE run_id = $1", (run_id,)
    )
    return outcome


def _undo(unit: Unit, part: dict[str, Any], undone: Undone, *, postgres: bool) -> Steps[None]:
    if postgres:
        names = ", ".join(quote(table.name) for table in unit.tables)
        yield Execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    place = (part["run_id"], unit.name, part["part"])
    noted = yield Select(
        "SELECT key, before, after FROM transfer_undo "
        "WHERE run_id = $1 AND unit = $2 AND part = $3",
        place,
    )
    for row in noted.to_pylist():
        yield from _undo_key(unit, row, undone)
    if part["appended"] and not noted.num_rows:
        yield from _undo_whole(unit, part, place, undone, postgres=postgres)
    for name in ("transfer_undo", "transfer_appended", "transfer_rejects", "transfer_parts"):
        yield Execute(f"DELETE FROM {name} WHERE run_id = $1 AND unit = $2 AND part = $3", place)


def _undo_whole(
    unit: Unit, part: dict[str, Any], place: tuple[str, str, int], undone: Undone, *, postgres: bool
) -> Steps[None]:
    """Delete the rows of a part that stand just as the run stored them."""
    span = Span(key_from(part["after"]), key_from(part["upto"]))
    conditions, values = span.where(unit.key, "postgresql" if postgres else "duckdb")
    deleted = 0
    for table in unit.tables:
        if postgres:
            mine = f"xmin::text::bigint = ${len(values) + 1}"
            given: list[Any] = [*values, part["transaction"] % _XIDS]
        else:
            marks = [f"${len(values) + number}" for number in range(1, 5)]
            mine = (
                f"{row_digest(unit)} IN (SELECT digest FROM transfer_appended WHERE "
                f"run_id = {marks[0]} AND unit = {marks[1]} AND part = {marks[2]} "
                f"AND is_revision = {marks[3]})"
            )
            given = [*values, *place, table is not unit.table]
        where = " AND ".join([*conditions, mine])
        deleted += yield Execute(f"DELETE FROM {quote(table.name)} WHERE {where}", tuple(given))
    undone.deleted += deleted
    undone.kept += max(part["appended"] - deleted, 0)
    if unit.revisions is not None:
        yield from _promote(unit, unit.revisions, conditions, values)


def _promote(unit: Unit, revisions: Table, conditions: list[str], values: list[Any]) -> Steps[None]:
    """Let the newest version that others stored of a key be its current row, where it lost it."""
    columns, key = listed(c.name for c in unit.columns), listed(unit.key)
    same = " AND ".join(f"c.{quote(name)} = r.{quote(name)}" for name in unit.key)
    where = "".join(f" AND {condition}" for condition in conditions)
    orphans = (
        f"FROM {quote(revisions.name)} AS r WHERE NOT EXISTS "
        f"(SELECT 1 FROM {quote(unit.name)} AS c WHERE {same}){where}"
    )
    promoted: int = yield Execute(
        f"INSERT INTO {quote(unit.name)} ({columns}) SELECT DISTINCT ON ({key}) {columns} "
        f"{orphans} ORDER BY {key}, as_of DESC",
        tuple(values),
    )
    if promoted:
        yield Execute(
            f"DELETE FROM {quote(revisions.name)} AS r USING {quote(unit.name)} AS c "
            f"WHERE {same} AND r.as_of = c.as_of"
        )


def _undo_key(unit: Unit, noted: dict[str, Any], undone: Undone) -> Steps[None]:
    """Put back what a key's rows were, where they are as the run left them."""
    key = key_from(noted["key"])
    assert key is not None
    conditions, values = _is_key(unit, key)
    columns = listed(column.name for column in unit.columns)
    now: list[Row] = []
    for table in unit.tables:
        found = yield Select(
            f"SELECT {columns} FROM {quote(table.name)} WHERE {conditions}", values
        )
        now += found.to_pylist()
    after = rows_from(noted["after"])
    if _told(unit, now) != _told(unit, after):
        undone.kept += 1
        return
    for table in unit.tables:
        undone.deleted += yield Execute(
            f"DELETE FROM {quote(table.name)} WHERE {conditions}", values
        )
    before = sorted(rows_from(noted["before"]), key=lambda row: row.get("as_of") or 0)
    if not before:
        return
    undone.restored += len(before)
    yield from _put(unit, unit.table, before[-1:])
    if unit.revisions is not None and before[:-1]:
        yield from _put(unit, unit.revisions, before[:-1])


def _put(unit: Unit, table: Table, rows: list[dict[str, Any]]) -> Steps[None]:
    schema = pa.schema([(column.name, column.kind.arrow) for column in unit.columns])
    yield Append(table.name, pa.Table.from_pylist(rows, schema))


def _is_key(unit: Unit, key: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    conditions = [f"{quote(name)} = ${number}" for number, name in enumerate(unit.key, 1)]
    return " AND ".join(conditions), key


def _told(unit: Unit, rows: Sequence[Row]) -> list[str]:
    names = [column.name for column in unit.told if column.name != "updated_at"]
    return sorted(rows_text([{name: row[name] for name in names}]) for row in rows)
