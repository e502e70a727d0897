"""A batch in one transaction: offsets first, then rows by the rule of versions, then letters."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from shared.database.base import Batch, Written
from shared.database.fold import ByKey, Records, by_key, key_table
from shared.database.letters import put_letters, resolve_letters
from shared.database.plan import Plan, plan
from shared.database.sql import Statements
from shared.database.steps import Append, Compute, Execute, Load, Overtaken, Select, Step
from shared.database.straight import Arrivals, Newest, arrivals_of, part
from shared.errors import StaleOwner

_MOVE = """UPDATE consumer_offsets
SET epoch = $7, next_offset = $8, last_timestamp = $9, last_crc32 = $10, last_offset = $11,
first_offset = $12, updated_at = now()
WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
AND epoch = $5 AND next_offset = $6"""

Writing = Generator[Step, Any, Written]


@dataclass(frozen=True, slots=True)
class Laid:
    """A batch laid out for its steps: its rows by key and their series, where it has any."""

    folded: ByKey | None
    arrivals: Arrivals | None


def lay_out(batch: Batch) -> Laid:
    """Lay out a batch; CPU work on whole columns."""
    folded = by_key(batch) if batch.table.num_rows else None
    return Laid(folded, arrivals_of(folded) if folded is not None else None)


async def store(
    batch: Batch, transact: Callable[[Writing], Awaitable[Written]], newest: Newest, *, locks: bool
) -> Written:
    """Write a batch in a transaction: straight what may, by the merge where that was wrong.

    `locks` says whether other writers must be locked out row by row. Raises StaleOwner before
    anything is written.
    """
    laid = await asyncio.to_thread(lay_out, batch)
    try:
        written = await transact(write(batch, laid, newest, locks=locks))
    except Overtaken:
        newest.forget(batch.dataset)
        return await transact(write(batch, laid, None, locks=locks))
    if laid.arrivals is not None:
        newest.stored(batch.dataset, laid.arrivals)
    return written


def write(batch: Batch, laid: Laid, newest: Newest | None, *, locks: bool) -> Writing:
    """Yield the steps that write a batch, and return what it did.

    Without `newest` all rows are merged. Where some are merged and others go straight, the
    latter wait for nobody: with that, whoever waits does so in order of the keys, and two
    writers never wait for each other in a circle.
    """
    yield from _move_offsets(batch)
    written, statements = Written(), Statements(batch.dataset)
    folded, straight = laid.folded, None
    if newest is not None and folded is not None and laid.arrivals and not batch.replayed:
        straight, folded = yield from _part(statements, folded, laid.arrivals, newest)
    if folded is not None:
        merge = _merge_versions if batch.dataset.versioned else _merge_latest
        written = yield from merge(folded, statements, locks)
    if straight is not None:
        yield Append(batch.dataset.name, straight, waits=folded is None)
        written.inserted += straight.num_rows
    if batch.replayed:
        yield from resolve_letters(batch)
    if batch.rejected:
        written.dead_letters = yield from put_letters(batch)
    return written


class Rehearsed(Exception):
    """Everything could have been written."""


async def rehearse(
    batch: Batch, transact: Callable[[Writing], Awaitable[Written]], *, locks: bool
) -> None:
    """Write a batch and roll it back; raises what `store` would."""
    laid = await asyncio.to_thread(lay_out, batch)

    def steps() -> Writing:
        yield from write(batch, laid, None, locks=locks)
        raise Rehearsed

    with suppress(Rehearsed):
        await transact(steps())


def _part(
    statements: Statements, folded: ByKey, arrivals: Arrivals, newest: Newest
) -> Generator[Step, Any, tuple[pa.Table | None, ByKey | None]]:
    """Part the rows, once the newest of their series are known."""
    dataset = folded.dataset
    unknown = newest.unknown(dataset, arrivals)
    if unknown is not None:
        yield Load(statements.series_name, unknown)
        newest.see(dataset, (yield Select(statements.newest)))
    return (yield Compute(lambda: part(folded, arrivals, newest)))  # type: ignore[no-any-return]


def _move_offsets(batch: Batch) -> Generator[Step, Any, None]:
    reader = batch.reader
    for move in sorted(batch.moves, key=lambda m: (m.start.topic, m.start.partition)):
        start, end = move.start, move.end
        who = (reader.cluster_id, reader.group_id, start.topic, start.partition)
        known_by = (end.last_timestamp_ms, end.last_crc32, end.last_offset, end.first_offset)
        after = (end.epoch, end.next_offset, *known_by)
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
    late = yield from _merge_plain(statements, written, plain, locks)
    if folded.repeated or late is not None:
        yield from _absorb(statements, folded, late, written)
    counted = written.inserted + written.updated + written.confirmed
    written.unchanged = folded.rows.num_rows - counted
    return written


def _merge_plain(
    statements: Statements, written: Written, rest: int, indexed: bool
) -> Generator[Step, Any, pa.Table | None]:
    """Confirm or replace current rows; return what is left: records older than those.

    `rest` is how many keys may be left at most; none, and no statement is wasted on them.
    Either statement leaves alone what is the other's, so that the likelier may go first, where
    the keys are looked up by index and to ask for a few costs nothing.
    """
    ways = [_confirm, _replace]
    if rest and indexed and (yield Select(statements.sample))["replaces"][0].as_py():
        ways.reverse()
    for way in ways:
        if rest:
            rest -= yield from way(statements, written)
    late = (yield Select(statements.late)) if rest else None
    return late if late is not None and late.num_rows else None


def _confirm(statements: Statements, written: Written) -> Generator[Step, Any, int]:
    written.confirmed = yield Execute(statements.confirm)
    return written.confirmed


def _replace(statements: Statements, written: Written) -> Generator[Step, Any, int]:
    written.revisions = yield Execute(statements.archive)
    if written.revisions:
        written.updated = yield Execute(statements.replace)
    return written.updated


def _absorb(
    statements: Statements, folded: ByKey, late: pa.Table | None, written: Written
) -> Generator[Step, Any, None]:
    """Apply the rule to the keys that SQL leaves to it; each is stored, and locked."""
    records: Records = yield Compute(lambda: folded.records(late))
    yield Load(statements.keys_name, key_table(folded.dataset, records))
    stored: pa.Table = yield Select(statements.runs)
    changes: Plan = yield Compute(
        lambda: plan(folded.dataset, records, stored, replayed=folded.replayed)
    )
    for name, rows, statement in (
        (statements.gone_name, changes.gone, statements.delete_revisions),
        (statements.put_name, changes.put, statements.insert_revisions),
        (statements.change_name, changes.change, statements.update_current),
    ):
        if rows.num_rows:
            yield Load(name, rows)
            yield Execute(statement)
    written.updated += changes.updated
    written.confirmed += changes.confirmed
    written.revisions += max(changes.put.num_rows - changes.gone.num_rows, 0)
