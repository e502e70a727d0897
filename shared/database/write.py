"""A batch in one transaction: offsets first, then rows by the rule of versions, then letters."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from shared.database.base import Batch, Written
from shared.database.fold import ByKey, Records, by_key, key_table
from shared.database.letters import put_letters, resolve_letters
from shared.database.plan import Plan, plan
from shared.database.sql import Statements
from shared.database.steps import (
    Announce,
    Append,
    Compute,
    Execute,
    Load,
    Overtaken,
    Select,
    Step,
    WaitNoMore,
)
from shared.database.straight import REMEMBERED_SERIES, Arrivals, Newest, arrivals_of, part
from shared.dataset import Dataset
from shared.errors import StaleOwner

_MOVE = """UPDATE consumer_offsets
SET epoch = $7, next_offset = $8, last_timestamp = $9, last_crc32 = $10, last_offset = $11,
first_offset = $12, updated_at = now()
WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
AND epoch = $5 AND next_offset = $6"""

Writing = Generator[Step, Any, Written]


class Rehearsed(Exception):
    """Everything could have been written."""


Way = Callable[[Statements, Written], Generator[Step, Any, int]]


class Hints:
    """What the batches before have shown, which makes the next one quick; may be wrong."""

    def __init__(self) -> None:
        self.newest = Newest()
        self._replacing: dict[str, bool] = {}

    def ways(self, statements: Statements, locks: bool) -> list[Way]:
        """Return how to change stored rows, the likelier way first."""
        ways: list[Way] = [_confirm, _supersede if locks else _replace]
        return ways[::-1] if self._replacing.get(statements.dataset.name) else ways

    def changed(self, dataset: Dataset, written: Written) -> None:
        """Note which way most rows went."""
        if written.updated or written.confirmed:
            self._replacing[dataset.name] = written.updated > written.confirmed


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
    batch: Batch, transact: Callable[[Writing], Awaitable[Written]], hints: Hints, *, locks: bool
) -> Written:
    """Write a batch in a transaction: the quick way, or where that was wrong the careful one.

    `locks` says whether other writers must be locked out row by row. Raises StaleOwner before
    anything is written.
    """
    laid = await asyncio.to_thread(lay_out, batch)
    try:
        written = await transact(write(batch, laid, hints, locks=locks))
    except Overtaken:
        hints.newest.forget(batch.dataset)
        return await transact(write(batch, laid, None, locks=locks))
    if laid.arrivals is not None:
        hints.newest.stored(batch.dataset, laid.arrivals)
    return written


def write(batch: Batch, laid: Laid, hints: Hints | None, *, locks: bool) -> Writing:
    """Yield the steps that write a batch, and return what it did.

    Without hints it is the careful way, which claims and locks all keys in their order before
    anything else. With them it is the quick way, which locks rows by changing them: only the
    first statement that does so waits for other writers, so that none wait in a circle. It
    raises Overtaken where it cannot go on.
    """
    yield from _move_offsets(batch)
    written, statements, folded = Written(), Statements(batch.dataset), laid.folded
    straight: pa.Table | None = None
    if batch.replayed:
        hints = None
    if hints is not None and folded is not None and laid.arrivals is not None:
        if not locks and hints.newest.is_asked_whole(batch.dataset):
            # DuckDB reads the whole table either way.
            found = yield Select(statements.all_newest(REMEMBERED_SERIES))
            hints.newest.see_all(batch.dataset, found)
        straight, folded = yield from _part(statements, folded, laid.arrivals, hints.newest)
    if folded is not None and not batch.dataset.versioned:
        written = yield from _merge_latest(folded, statements, locks)
    elif folded is not None:
        written = yield from _merge_versions(folded, statements, hints, locks)
    if straight is not None:
        if folded is not None:
            yield WaitNoMore()
        yield Append(batch.dataset.name, straight)
        written.inserted += straight.num_rows
    if batch.replayed:
        yield from resolve_letters(batch)
    if batch.rejected:
        written.dead_letters = yield from put_letters(batch, straight=hints is not None)
    return written


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
    for topic in sorted({move.end.topic for move in batch.moves}):
        yield Announce(topic)


def _merge_latest(folded: ByKey, statements: Statements, locks: bool) -> Writing:
    """Store rows without versions: the later message wins."""
    yield Load(statements.incoming_name, folded.incoming)
    written = Written()
    written.inserted = yield Execute(statements.insert_new(lock=locks))
    if written.inserted < folded.incoming.num_rows:
        written.updated = yield Execute(statements.overwrite)
    written.unchanged = folded.rows.num_rows - written.inserted - written.updated
    return written


def _merge_versions(
    folded: ByKey, statements: Statements, hints: Hints | None, locks: bool
) -> Writing:
    """Store rows with versions: plain keys by SQL, the others by `versions.absorb`."""
    written = Written()
    yield Load(statements.incoming_name, folded.incoming)
    keys = folded.incoming.num_rows
    plain = keys - folded.repeated
    if hints is not None and plain:
        yield from _change(statements, written, plain, hints.ways(statements, locks))
        hints.changed(folded.dataset, written)
        yield WaitNoMore()
    changed = written.confirmed + written.updated
    late = None
    if changed < keys:
        written.inserted = yield Execute(statements.insert_new(lock=locks))
        if changed + written.inserted < keys:
            rest = min(keys - changed - written.inserted, plain - changed)
            late = yield from _merge_plain(statements, written, rest)
    if folded.repeated or late is not None:
        yield from _absorb(statements, folded, late, written)
    counted = written.inserted + written.updated + written.confirmed
    written.unchanged = folded.rows.num_rows - counted
    return written


def _merge_plain(
    statements: Statements, written: Written, rest: int
) -> Generator[Step, Any, pa.Table | None]:
    """Confirm or replace current rows, all locked; return what is left: records older than those.

    `rest` is how many keys may be left at most; none, and no statement is wasted on them.
    """
    rest = yield from _change(statements, written, rest, (_confirm, _replace))
    late = (yield Select(statements.late)) if rest else None
    return late if late is not None and late.num_rows else None


def _change(
    statements: Statements, written: Written, rest: int, ways: Iterable[Way]
) -> Generator[Step, Any, int]:
    """Try one way after the other while keys may be left; return how many may be still.

    Either leaves alone what is the other's.
    """
    for way in ways:
        if rest:
            rest -= yield from way(statements, written)
    return rest


def _confirm(statements: Statements, written: Written) -> Generator[Step, Any, int]:
    confirmed: int = yield Execute(statements.confirm)
    written.confirmed += confirmed
    return confirmed


def _replace(statements: Statements, written: Written) -> Generator[Step, Any, int]:
    archived: int = yield Execute(statements.archive)
    written.revisions += archived
    if archived:
        written.updated += yield Execute(statements.replace)
    return archived


def _supersede(statements: Statements, written: Written) -> Generator[Step, Any, int]:
    replaced: int = yield Execute(statements.supersede)
    written.updated += replaced
    written.revisions += replaced
    return replaced


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
