"""What a run has done, kept in the target in the transactions that do it.

So it resumes where it was broken off, and can be undone. The tables are made by the first run.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from shared.columns import Column, Kind
from shared.control.values import from_json, to_json
from shared.database.base import Database
from shared.database.ddl import DUCKDB, POSTGRESQL, comments, create_table
from shared.database.sql import quote
from shared.database.steps import Append, Execute, Select, Steps
from shared.database.tables import Table
from shared.database.transfer.checksum import row_bytes
from shared.database.transfer.parts import Key, Row, Span, Unit
from shared.database.transfer.place import Placed


def _text(name: str, comment: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.TEXT, comment, nullable)


def _count(name: str, comment: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.BIGINT, comment, nullable)


_PLACE = (
    _text("run_id", "which run"),
    _text("unit", "which table"),
    _count("part", "which part of it, from 1 on"),
)
RUNS = Table(
    "transfer_runs",
    (
        _text("run_id", "which run"),
        _text("origin", "where the rows come from, and which are wanted"),
        Column("started_at", Kind.TIMESTAMP, "when it began", nullable=False),
        Column("finished_at", Kind.TIMESTAMP, "when all of it was stored"),
        Column("undone_at", Kind.TIMESTAMP, "when it was rolled back"),
    ),
    key=("run_id",),
    comment="Migrations and restores into this database.",
)
PARTS = Table(
    "transfer_parts",
    (
        *_PLACE,
        _text("after", "the key before the part, as JSON", nullable=True),
        _text("upto", "the last key of the part, as JSON; null once the table is done",
              nullable=True),
        _count("rows", "rows of the source"),
        _count("appended", "rows stored as they came"),
        _count("changed", "keys changed that the target had"),
        _count("transaction", "the transaction that appended a part whole", nullable=True),
    ),
    key=("run_id", "unit", "part"),
    comment="How far a migration is, and which rows it stored.",
)  # fmt: skip
UNDO = Table(
    "transfer_undo",
    (
        *_PLACE,
        _text("key", "the key, as JSON"),
        _text("before", "its rows before, as JSON"),
        _text("after", "its rows after, as JSON"),
    ),
    key=("run_id", "unit", "part", "key"),
    comment="What a migration changed where the target had rows.",
)
APPENDED = Table(
    "transfer_appended",
    (
        *_PLACE,
        Column("is_revision", Kind.BOOLEAN, "in which table of the two", nullable=False),
        _text("digest", "MD5 of the row, behind the number of the way it was written"),
    ),
    key=("run_id", "unit", "part", "is_revision", "digest"),
    comment="The rows of parts appended whole, where transactions have no numbers (DuckDB).",
)
REJECTS = Table(
    "transfer_rejects",
    (*_PLACE, _text("key", "the key, as JSON"), _text("reason", "why the target refuses it"),
     _text("row", "the row, as JSON")),
    key=("run_id", "unit", "part", "key"),
    comment="Rows that a migration left out.",
)  # fmt: skip
TABLES = (RUNS, PARTS, UNDO, APPENDED, REJECTS)


DIGEST = "2:"
"""Before the MD5 of a row: which way of writing a row it is of."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is in one table: the last part and key, and whether it is done."""

    part: int = 0
    upto: Key | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that the target cannot hold, and why."""

    row: Row
    reason: str


async def prepare(database: Database) -> None:
    """Create the tables of the journal where they are missing."""
    dialect = POSTGRESQL if database.backend == "postgresql" else DUCKDB
    async with database.transaction() as transaction:
        for table in TABLES:
            await transaction.execute(create_table(table, dialect))
            for comment in comments(table):
                await transaction.execute(comment)


def progress_of(run_id: str) -> Steps[dict[str, Progress]]:
    """Return how far a run is, by table."""
    rows = yield Select(
        "SELECT unit, part, upto FROM transfer_parts WHERE run_id = $1 ORDER BY unit, part",
        (run_id,),
    )
    found: dict[str, Progress] = {}
    for row in rows.to_pylist():
        upto = key_from(row["upto"])
        before = found.get(row["unit"], Progress())
        found[row["unit"]] = Progress(row["part"], upto or before.upto, upto is None)
    return found


def note_part(
    run_id: str, unit: Unit, part: int, span: Span, rows: int, placed: Placed,
    refusals: Sequence[Refusal], *, postgres: bool,
) -> Steps[None]:  # fmt: skip
    """Yield the steps that note a part in the transaction that stored it."""
    place = (run_id, unit.name, part)
    transaction = None
    if placed.whole and placed.appended:
        if postgres:
            found = yield Select("SELECT pg_current_xact_id()::text::bigint AS n")
            transaction = found["n"][0].as_py()
        else:
            yield from _note_appended(unit, span, place)
    yield Execute(
        "INSERT INTO transfer_parts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        (
            *place, key_text(span.after), key_text(span.upto), rows, placed.appended,
            sum(bool(before) for before in placed.before.values()), transaction,
        ),
    )  # fmt: skip
    if not placed.whole and placed.before:
        noted = [
            (*place, key_text(key), rows_text(before), rows_text(placed.after[key]))
            for key, before in placed.before.items()
        ]
        yield Append(UNDO.name, _table(UNDO, noted))
    if refusals:
        noted = [
            (*place, f"{key_text(unit.key_of(r.row))} {number}", r.reason, rows_text([r.row]))
            for number, r in enumerate(refusals)
        ]
        yield Append(REJECTS.name, _table(REJECTS, noted))


def row_digest(unit: Unit) -> str:
    """Return the SQL of a stored row's digest in DuckDB, its stamps included."""
    stamps = [c.name for c in unit.columns if c.name in ("created_at", "updated_at")]
    spelled = "".join(f", {quote(name)}::VARCHAR" for name in stamps)
    return f"'{DIGEST}' || md5(concat_ws(chr(31), {row_bytes(unit.columns, 'duckdb')}{spelled}))"


def _note_appended(unit: Unit, span: Span, place: tuple[str, str, int]) -> Steps[None]:
    conditions, values = span.where(unit.key, "duckdb")
    marks = [f"${len(values) + number}" for number in (1, 2, 3)]
    for table in unit.tables:
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        yield Execute(
            f"INSERT INTO transfer_appended SELECT {', '.join(marks)}, "
            f"{'false' if table is unit.table else 'true'}, {row_digest(unit)} "
            f"FROM {quote(table.name)}{where}",
            (*values, *place),
        )


def _table(table: Table, rows: Sequence[Sequence[Any]]) -> pa.Table:
    names = [column.name for column in table.columns]
    schema = pa.schema([(column.name, column.kind.arrow) for column in table.columns])
    return pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows], schema)


def key_text(key: Key | None) -> str | None:
    """Return a key as JSON."""
    return None if key is None else json.dumps(to_json(key))


def key_from(text: str | None) -> Key | None:
    """Return the key that `key_text` wrote."""
    return None if text is None else tuple(from_json(json.loads(text)))


def rows_text(rows: Sequence[Row]) -> str:
    """Return rows as JSON that loses nothing."""
    kept = [{n: v for n, v in row.items() if n not in ("now", "is_revision")} for row in rows]
    if kept and "as_of" in kept[0]:
        kept.sort(key=lambda row: row["as_of"])
    return json.dumps([[list(row), to_json(list(row.values()))] for row in kept])


def rows_from(text: str) -> list[dict[str, Any]]:
    """Return the rows that `rows_text` wrote."""
    return [dict(zip(n, from_json(v), strict=True)) for n, v in json.loads(text)]
