"""A part put into the target's tables by the rule of versions, and what would undo it."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Kind
from shared.database.fold import key_table
from shared.database.plan import plan
from shared.database.sql import Statements, listed, quote
from shared.database.steps import Append, Compute, Execute, Load, Select, Steps
from shared.database.transfer.parts import IS_REVISION, Key, Row, Span, Unit
from shared.dataset import Dataset

Versions = dict[Key, list[Row]]


@dataclass(slots=True)
class Placed:
    """What a part did to the target.

    appended  rows that were stored as they are
    whole     the target had no row among the part's keys
    before    of each key that changed in a target that had some, its rows before, all versions
    after     and its rows after
    """

    appended: int = 0
    whole: bool = True
    before: Versions = field(default_factory=dict)
    after: Versions = field(default_factory=dict)


class _Everywhere:
    """All messages: none of what is moved wins a tie against what the target has."""

    def __contains__(self, _: object) -> bool:
        return True


def place(unit: Unit, span: Span, part: pa.Table, *, locks: bool) -> Steps[Placed]:
    """Yield the steps that store a part, in order of its keys; nobody else writes meanwhile.

    What the target knows already, or knows better, stays: the rule of versions decides, and
    in tables without versions the newer row.
    """
    if locks:
        names = ", ".join(quote(table.name) for table in unit.tables)
        yield Execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
    if not (yield from _has_rows(unit, span, locks=locks)):
        yield from _append(unit, part)
        return Placed(part.num_rows)
    if unit.dataset is not None and unit.dataset.versioned:
        return (yield from _merge_versions(unit, unit.dataset, part))
    return (yield from _merge_plain(unit, part))


def _has_rows(unit: Unit, span: Span, *, locks: bool) -> Steps[bool]:
    conditions, values = span.where(unit.key, "postgresql" if locks else "duckdb")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    found = yield Select(f"SELECT 1 AS n FROM {quote(unit.name)}{where} LIMIT 1", tuple(values))
    return bool(found.num_rows)


def _append(unit: Unit, rows: pa.Table) -> Steps[None]:
    for table in unit.tables:
        is_revision = table is not unit.table
        chosen = rows.filter(pc.equal(rows[IS_REVISION], is_revision)).drop_columns(IS_REVISION)
        if chosen.num_rows:
            yield Append(table.name, (yield from _numbered(unit, chosen)))


def _numbered(unit: Unit, rows: pa.Table) -> Steps[pa.Table]:
    """Return rows without their numbers where the target has given one of them to another."""
    for column in unit.columns:
        if column.kind is Kind.IDENTITY:
            name, loaded = quote(column.name), f"moved_{unit.name}_numbers"
            yield Load(loaded, rows.select([column.name]))
            taken = yield Select(
                f"SELECT 1 AS n FROM {loaded} JOIN {quote(unit.name)} USING ({name}) LIMIT 1"
            )
            return rows.drop_columns(column.name) if taken.num_rows else rows
    return rows


def _merge_versions(unit: Unit, dataset: Dataset, part: pa.Table) -> Steps[Placed]:
    statements = Statements(dataset)
    arrived = yield Compute(lambda: _by_key(unit, part))
    yield Load(statements.keys_name, key_table(dataset, arrived))
    stored: pa.Table = yield Select(statements.runs)
    known = yield Compute(lambda: _by_key(unit, stored))
    records = {
        key: found
        for key, rows in arrived.items()
        if key in known and (found := _sightings(dataset, rows, known[key]))
    }
    relevant = pa.Table.from_pylist([row for key in records for row in known[key]], stored.schema)
    changes = yield Compute(lambda: plan(dataset, records, relevant, replayed=_Everywhere()))
    for name, rows, statement in (
        (statements.gone_name, changes.gone, statements.delete_revisions),
        (statements.put_name, changes.put, statements.insert_revisions),
        (statements.change_name, changes.change, statements.update_current),
    ):
        if rows.num_rows:
            yield Load(name, rows)
            yield Execute(statement)
    touched = {
        unit.key_of(row)
        for rows in (changes.gone, changes.put, changes.change)
        for row in rows.to_pylist()
    }
    new = [key for key in arrived if key not in known]
    yield from _append(unit, _only(unit, part, new))
    placed = Placed(sum(len(arrived[key]) for key in new), whole=False)
    placed.before = {key: known[key] for key in touched} | {key: [] for key in new}
    after = (yield Select(statements.runs)) if touched else stored
    placed.after = {k: rows for k, rows in _by_key(unit, after).items() if k in touched}
    placed.after |= {key: arrived[key] for key in new}
    return placed


def _sightings(dataset: Dataset, rows: list[Row], known: list[Row]) -> list[dict[str, Any]]:
    """Return the records of the runs that the target does not hold: each one's first and last."""
    names = [column.name for column in dataset.columns]
    found = []
    for row in sorted(rows, key=lambda r: r["as_of"]):
        held = any(
            k["as_of"] <= row["as_of"]
            and k["confirmed_as_of"] >= row["confirmed_as_of"]
            and all(k[name] == row[name] for name in names)
            for k in known
        )
        if not held:
            record = {name: value for name, value in row.items() if name != "confirmed_as_of"}
            found.append(record)
            if row["confirmed_as_of"] > row["as_of"]:
                found.append(record | {"as_of": row["confirmed_as_of"]})
    return found


def _merge_plain(unit: Unit, part: pa.Table) -> Steps[Placed]:
    arrived = yield Compute(lambda: _by_key(unit, part))
    loaded = f"moved_{unit.name}_keys"
    yield Load(loaded, part.select(unit.key))
    same = " AND ".join(f"t.{quote(n)} = k.{quote(n)}" for n in unit.key)
    columns = listed((column.name for column in unit.columns), "t")
    stored = yield Select(
        f"SELECT {columns} FROM {quote(unit.name)} AS t JOIN {loaded} AS k ON {same}"
    )
    known = _by_key(unit, stored)
    told = [column.name for column in unit.told]
    newer = [
        key
        for key, (row,) in arrived.items()
        if key in known
        and any(row[name] != known[key][0][name] for name in told)
        and unit.rank(row) > unit.rank(known[key][0])
    ]
    if newer:
        going = f"moved_{unit.name}_newer"
        yield Load(going, _only(unit, part, newer).select(unit.key))
        same = same.replace("k.", "g.")
        yield Execute(f"DELETE FROM {quote(unit.name)} AS t USING {going} AS g WHERE {same}")
    new = [key for key in arrived if key not in known]
    yield from _append(unit, _only(unit, part, new + newer))
    placed = Placed(len(new), whole=False)
    placed.before = {key: known.get(key, []) for key in new + newer}
    placed.after = {key: arrived[key] for key in new + newer}
    return placed


def _by_key(unit: Unit, rows: pa.Table) -> Versions:
    found: Versions = {}
    for row in rows.to_pylist():
        found.setdefault(unit.key_of(row), []).append(row)
    return found


def _only(unit: Unit, part: pa.Table, keys: list[Key]) -> pa.Table:
    wanted = set(keys)
    columns = (part[name].to_pylist() for name in unit.key)
    return part.filter(pa.array([key in wanted for key in zip(*columns, strict=True)], pa.bool_()))
