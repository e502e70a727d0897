"""A batch in one transaction: offsets first, then rows by the rule of versions, then letters."""

from collections.abc import Generator, Iterable
from typing import Any

import pyarrow as pa

from shared.database.base import Batch, Written
from shared.database.fold import ByKey, Key, Row
from shared.database.letters import LETTER_SCHEMA, letter_table
from shared.database.plan import Plan, plan
from shared.database.sql import Statements, listed
from shared.database.steps import Execute, Load, Select, Step
from shared.database.tables import DEAD_LETTERS
from shared.dataset import Dataset
from shared.errors import StaleOwner

_MOVE = """UPDATE consumer_offsets
SET epoch = $7, next_offset = $8, last_timestamp = $9, last_crc32 = $10, updated_at = now()
WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
AND epoch = $5 AND next_offset = $6"""

Writing = Generator[Step, Any, Written]


def write(batch: Batch, folded: ByKey | None, *, locks: bool) -> Writing:
    """Yield the steps that write a batch, and return what it did.

    `folded` is the batch by key, None where it has no rows; `locks` says whether other
    writers must be locked out row by row. Raises StaleOwner before anything is written.
    """
    yield from _move_offsets(batch)
    written = Written()
    if folded is not None:
        merge = _merge_versions if batch.dataset.versioned else _merge_latest
        written = yield from merge(folded, Statements(batch.dataset), locks)
    if batch.rejected:
        written.dead_letters = yield from _put_letters(batch)
    return written


class Rehearsed(Exception):
    """Everything could have been written."""


def rehearse(batch: Batch, folded: ByKey | None, *, locks: bool) -> Writing:
    """Yield the steps of `write`, then raise Rehearsed so that nothing stays."""
    yield from write(batch, folded, locks=locks)
    raise Rehearsed


def _move_offsets(batch: Batch) -> Generator[Step, Any, None]:
    reader = batch.reader
    for move in sorted(batch.moves, key=lambda m: (m.start.topic, m.start.partition)):
        start, end = move.start, move.end
        who = (reader.cluster_id, reader.group_id, start.topic, start.partition)
        after = (end.epoch, end.next_offset, end.last_timestamp_ms, end.last_crc32)
        moved = yield Execute(_MOVE, (*who, start.epoch, start.next_offset, *after))
        if moved != 1:
            raise StaleOwner(
                f"{start.topic}/{start.partition} was moved on from offset {start.next_offset} "
                "by another loader of this group"
            )


def _merge_latest(folded: ByKey, statements: Statements, locks: bool) -> Writing:
    """Store rows without versions: the later message wins."""
    yield Load(statements.incoming_name, folded.incoming)
    written = Written()
    written.inserted = yield Execute(statements.insert_new(lock=locks))
    if written.inserted < folded.incoming.num_rows:
        written.updated = yield Execute(statements.overwrite)
    written.unchanged = folded.rows.num_rows - written.inserted - written.updated
    return written


def _merge_versions(folded: ByKey, statements: Statements, locks: bool) -> Writing:
    """Store rows with versions: plain keys by SQL, the others by `versions.absorb`."""
    written = Written()
    yield Load(statements.incoming_name, folded.incoming)
    written.inserted = yield Execute(statements.insert_new(lock=locks))
    stored = folded.incoming.num_rows - written.inserted
    plain = min(stored, folded.incoming.num_rows - folded.repeated)
    records = yield from _merge_plain(folded, statements, written, plain)
    if folded.repeated:
        records |= folded.records()
    if records:
        yield from _absorb(statements, records, written)
    counted = written.inserted + written.updated + written.confirmed
    written.unchanged = folded.rows.num_rows - counted
    return written


def _merge_plain(
    folded: ByKey, statements: Statements, written: Written, rest: int
) -> Generator[Step, Any, dict[Key, list[Row]]]:
    """Confirm or replace current rows; return what is left: records older than those.

    `rest` is how many keys may be left at most; none, and no statement is wasted on them.
    """
    if rest:
        written.confirmed = yield Execute(statements.confirm)
        rest -= written.confirmed
    if rest:
        written.revisions = yield Execute(statements.archive)
        written.updated = yield Execute(statements.replace)
        rest -= written.updated
    late = (yield Select(statements.late)) if rest else []
    return folded.records([tuple(row.values()) for row in late]) if late else {}


def _absorb(
    statements: Statements, records: dict[Key, list[Row]], written: Written
) -> Generator[Step, Any, None]:
    """Apply the rule to the keys that SQL leaves to it; each is stored, and locked."""
    dataset = statements.dataset
    keys = [dict(zip(dataset.key, key, strict=True)) for key in records]
    yield Load(statements.keys_name, pa.Table.from_pylist(keys, _stored(dataset, dataset.key)))
    stored = yield Select(statements.runs)
    changes = plan(dataset, records, stored, stored[0]["now"])
    yield from _carry_out(statements, changes)
    written.updated += changes.written.updated
    written.confirmed += changes.written.confirmed
    written.revisions += changes.written.revisions


def _carry_out(statements: Statements, changes: Plan) -> Generator[Step, Any, None]:
    dataset = statements.dataset
    if changes.delete_revision:
        schema = _stored(dataset, (*dataset.key, "as_of"))
        gone = [dict(zip(schema.names, row, strict=True)) for row in changes.delete_revision]
        yield Load(statements.gone_name, pa.Table.from_pylist(gone, schema))
        yield Execute(statements.delete_revisions)
    if changes.insert_revision:
        rows = pa.Table.from_pylist(changes.insert_revision, dataset.stored_schema)
        yield Load(statements.put_name, rows)
        yield Execute(statements.insert_revisions)
    if changes.update_current:
        rows = pa.Table.from_pylist(changes.update_current, dataset.stored_schema)
        yield Load(statements.change_name, rows)
        yield Execute(statements.update_current)


def _stored(dataset: Dataset, names: Iterable[str]) -> pa.Schema:
    return pa.schema([dataset.stored_schema.field(name) for name in names])


def _put_letters(batch: Batch) -> Generator[Step, Any, int]:
    yield Load("incoming_letters", letter_table(batch))
    columns = listed(LETTER_SCHEMA.names)
    place = listed(DEAD_LETTERS.unique)
    stored: int = yield Execute(
        f"INSERT INTO dead_letters ({columns}, created_at) SELECT {columns}, now() "
        f"FROM incoming_letters ORDER BY {place} ON CONFLICT ({place}) DO NOTHING"
    )
    return stored
