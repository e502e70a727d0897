"""A batch in one transaction: offsets first, then dead letters, then rows by the rule of versions."""

import datetime as dt
from collections.abc import Generator, Iterable
from dataclasses import fields
from typing import Any

import pyarrow as pa

from shared.database.base import Batch, Written
from shared.database.fold import ByKey, Key, Row
from shared.database.letters import LETTER_SCHEMA, letter_table
from shared.database.plan import Plan, plan
from shared.database.sql import Statements, listed, quote
from shared.database.steps import Execute, Load, Select, Step
from shared.errors import StaleOwner

_MOVE = """UPDATE consumer_offsets SET next_offset = $7, last_timestamp = $8, last_crc32 = $9,
updated_at = now() WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
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


class Rehearsed(Exception):  # noqa: N818 - no fault: it rolls a rehearsal back
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
        after = (end.next_offset, end.last_timestamp_ms, end.last_crc32)
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
    records: dict[Key, list[Row]] = {}
    rest = folded.incoming.num_rows - folded.repeated
    if rest:
        yield Load(statements.incoming_name, folded.incoming)
        written.inserted = yield Execute(statements.insert_new(lock=locks))
        rest -= written.inserted
    if rest:
        written.confirmed = yield Execute(statements.confirm)
        rest -= written.confirmed
    if rest:
        written.revisions = yield Execute(statements.archive)
        written.updated = yield Execute(statements.replace)
        rest -= written.updated
    if rest:
        late = yield Select(statements.late)
        written.unchanged = rest - len(late)
        records = folded.records([tuple(row.values()) for row in late]) if late else {}
    if folded.repeated:
        records |= folded.records()
    if records:
        _add(written, (yield from _absorb(statements, records, locks)))
    return written


def _absorb(statements: Statements, records: dict[Key, list[Row]], locks: bool) -> Writing:
    """Apply the rule to the keys that SQL leaves to it, their current rows locked."""
    dataset = statements.dataset
    keys = [dict(zip(dataset.key, key, strict=True)) for key in records]
    schema = pa.schema([dataset.stored_schema.field(name) for name in dataset.key])
    yield Load(statements.keys_name, pa.Table.from_pylist(keys, schema))
    if locks:
        yield Select(statements.lock_keys)
    stored = yield Select(statements.runs)
    now = yield Select("SELECT now() AS now")
    changes = plan(dataset, records, stored, _moment(now))
    yield from _carry_out(statements, changes)
    return changes.written


def _carry_out(statements: Statements, changes: Plan) -> Generator[Step, Any, None]:
    dataset = statements.dataset
    if changes.delete_revision:
        schema = pa.schema([dataset.stored_schema.field(name) for name in (*dataset.key, "as_of")])
        gone = [dict(zip(schema.names, row, strict=True)) for row in changes.delete_revision]
        yield Load(statements.gone_name, pa.Table.from_pylist(gone, schema))
        yield Execute(statements.delete_revisions)
    for rows, name, statement in (
        (changes.insert_revision, statements.put_revision_name, statements.insert_revisions),
        (changes.insert_current, statements.put_name, statements.insert_current),
        (changes.update_current, statements.change_name, statements.update_current),
    ):
        if rows:
            yield Load(name, pa.Table.from_pylist(rows, dataset.stored_schema))
            yield Execute(statement)


def _put_letters(batch: Batch) -> Generator[Step, Any, int]:
    yield Load("incoming_letters", letter_table(batch))
    columns = listed(LETTER_SCHEMA.names)
    return (
        yield Execute(
            f"INSERT INTO dead_letters ({columns}, created_at) SELECT {columns}, now() "
            f"FROM incoming_letters ON CONFLICT (cluster_id, topic, partition, {quote('offset')}) "
            "DO NOTHING"
        )
    )


def _moment(rows: Iterable[Any]) -> dt.datetime:
    moment: dt.datetime = next(iter(rows))["now"]
    return moment


def _add(written: Written, more: Written) -> None:
    for counter in fields(Written):
        total = getattr(written, counter.name) + getattr(more, counter.name)
        setattr(written, counter.name, total)
