"""One run: every unit of the source into the target, part by part, a checkpoint with each."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa

from shared.database.base import Database
from shared.database.sql import quote
from shared.database.steps import Execute, Select, Steps
from shared.database.tables import DEAD_LETTERS
from shared.database.transfer import journal, offsets
from shared.database.transfer.compare import rows_of, same_rows, spans_of
from shared.database.transfer.journal import Progress, Refusal, note_part
from shared.database.transfer.letters import raise_numbers
from shared.database.transfer.parts import Key, Span, Unit
from shared.database.transfer.pieces import halves
from shared.database.transfer.place import Placed, place
from shared.database.transfer.rules import sift
from shared.database.transfer.source import Side
from shared.errors import Fatal, InvalidRecord, Transient

TRIES = 8
PAUSE_SECONDS = 0.5
T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What became of one unit's rows, in this and in earlier runs that it goes on from."""

    unit: str
    rows: int = 0
    appended: int = 0
    changed: int = 0
    same: int = 0
    refused: int = 0


Tell = Callable[[Tally], None]
Stored = Callable[[Unit, Span, int | None], None]
"""Is told of a part, and how many rows it has where both sides had the same before."""


def unheard(_unit: Unit, _span: Span, _same: int | None) -> None:
    """Tell nobody of a part."""


@dataclass(slots=True)
class Run:
    """A run and what it did; `resumed` where an earlier one was broken off."""

    run_id: str
    resumed: bool = False
    tallies: dict[str, Tally] = field(default_factory=dict)


class Transfer:
    """Moves units from a source into a target; one at a time into a target."""

    def __init__(
        self, source: Side, target: Side, units: Sequence[Unit],
        *, batch_rows: int, origin: str, topic_prefix: str,
    ) -> None:  # fmt: skip
        self._source = source
        self._target = target
        self._units = units
        self._batch_rows = batch_rows
        self._origin = origin
        self._topic_prefix = topic_prefix

    async def run(self, tell: Tell, stored: Stored = unheard, *, new_epochs: bool = False) -> Run:
        """Move everything and return what was done; called again, it goes on where it stopped.

        What is stored is committed part by part. `stored` is told of each part of the units
        that this run moves from their beginning, once it is committed. Raises Transient where
        either database is away for longer than a few tries.
        """
        database = self._target.database
        await journal.prepare(database)
        run = await self._begin()
        read = await offsets.read(self._source)
        done = await _in_steps(database, journal.progress_of(run.run_id))
        for unit in self._units:
            tally = run.tallies[unit.name] = Tally(unit.name)
            progress = done.get(unit.name, Progress())
            if not self._source.has(unit) or progress.done:
                continue
            tell(tally)
            await self._move(run, unit, progress, tally, tell, stored)
        if read is not None and self._source.cut.since is None:
            await self._place_offsets(run, read, new_epochs=new_epochs)
        await _in_steps(database, _finish(run.run_id))
        return run

    async def _place_offsets(self, run: Run, read: pa.Table, *, new_epochs: bool) -> None:
        database = self._target.database
        topics = {unit.name: self._topic_prefix + unit.name for unit in self._units if unit.dataset}
        changed = await database.fetch(
            "SELECT DISTINCT unit FROM transfer_parts WHERE run_id = $1 "
            "AND (appended > 0 OR changed > 0)",
            (run.run_id,),
        )
        touched = [topics[name] for name in changed["unit"].to_pylist() if name in topics]
        steps = offsets.place(
            run.run_id, read, [*topics.values()], touched,
            new_epochs=new_epochs, postgres=database.backend == "postgresql",
        )  # fmt: skip
        await _in_steps(database, steps)

    async def _begin(self) -> Run:
        database = self._target.database
        found = await database.fetch(
            "SELECT run_id FROM transfer_runs WHERE origin = $1 AND finished_at IS NULL "
            "AND undone_at IS NULL ORDER BY started_at DESC LIMIT 1",
            (self._origin,),
        )
        if found.num_rows:
            return Run(found["run_id"][0].as_py(), resumed=True)
        now = dt.datetime.now(dt.UTC)
        run = Run(f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}")
        await database.execute(
            "INSERT INTO transfer_runs (run_id, origin, started_at) VALUES ($1, $2, $3)",
            (run.run_id, self._origin, now),
        )
        return run

    async def _move(
        self, run: Run, unit: Unit, progress: Progress, tally: Tally, tell: Tell, stored: Stored
    ) -> None:
        number = progress.part
        free = not progress.part and await self._is_empty(unit)
        async for span, part in self._parts(unit, progress.upto, compare=not free):
            same = part if isinstance(part, int) else None
            if isinstance(part, int):
                tally.rows += part
                tally.same += part
            elif part.num_rows:
                number = await self._put(run, unit, number, _ended(unit, span, part), part, tally)
            if not progress.part:
                stored(unit, span, same)
            tell(tally)
        # A part without an end says that all of the unit is done.
        keyless = await self._keyless(unit)
        await self._store(run, unit, number + 1, Span(), None, keyless)
        tally.refused += len(keyless)
        if self._target.database.backend == "postgresql" and tally.appended:
            await self._target.database.execute(f"ANALYZE {quote(unit.name)}")
        if unit.table is DEAD_LETTERS:
            await raise_numbers(self._target.database)

    async def _put(
        self, run: Run, unit: Unit, number: int, span: Span, part: pa.Table, tally: Tally
    ) -> int:
        """Store a part, in halves where the target refuses it whole; return its last number."""
        rows, refusals = await asyncio.to_thread(
            sift, unit, part, earlier=unit.name in self._source.older
        )
        try:
            placed = await self._store(run, unit, number + 1, span, rows, refusals)
        except InvalidRecord as exc:
            pieces = halves(unit, span, part)
            if pieces is None:
                refusals = [Refusal(row, str(exc)) for row in part.to_pylist()]
                placed = await self._store(run, unit, number + 1, span, None, refusals)
            else:
                for within, half in pieces:
                    number = await self._put(run, unit, number, within, half, tally)
                return number
        tally.rows += part.num_rows
        tally.appended += placed.appended
        tally.changed += sum(bool(before) for before in placed.before.values())
        tally.refused += len(refusals)
        tally.same += rows.num_rows - placed.appended if not placed.before else 0
        return number + 1

    async def _store(
        self, run: Run, unit: Unit, number: int, span: Span,
        rows: pa.Table | None, refusals: Sequence[Refusal],
    ) -> Placed:  # fmt: skip
        """Store a part with its checkpoint; tried again while the target is busy or away."""
        database = self._target.database
        postgres = database.backend == "postgresql"
        for tries in range(1, TRIES + 1):
            try:
                async with database.transaction() as transaction:
                    noted = await transaction.run(_is_noted(run.run_id, unit, number))
                    if noted is not None:
                        return noted
                    placed = Placed()
                    if rows is not None and rows.num_rows:
                        steps = place(unit, span, rows, locks=postgres)
                        placed = await transaction.run(steps)
                    count = rows.num_rows if rows is not None else 0
                    await transaction.run(
                        note_part(
                            run.run_id, unit, number, span, count, placed, refusals,
                            postgres=postgres,
                        )
                    )  # fmt: skip
                return placed
            except Transient:
                if tries == TRIES:
                    raise
                await asyncio.sleep(PAUSE_SECONDS * tries)
        raise AssertionError("the last try returns or raises")

    async def _parts(
        self, unit: Unit, after: Key | None, *, compare: bool
    ) -> AsyncIterator[tuple[Span, pa.Table | int]]:
        """Yield each part's keys and rows, or how many where the target has just the same.

        The next one is read while one is stored.
        """
        spans = await spans_of(self._source, unit, self._batch_rows, after)
        reading = asyncio.create_task(self._read(unit, spans[0], compare=compare))
        try:
            for following in [*spans[1:], None]:
                span, part = await reading
                if following is not None:
                    reading = asyncio.create_task(self._read(unit, following, compare=compare))
                yield span, part
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _read(self, unit: Unit, span: Span, *, compare: bool) -> tuple[Span, pa.Table | int]:
        if compare and (same := await same_rows(self._source, self._target, unit, span)):
            return span, same
        sql, values = self._source.cut.rows(unit, span)
        parts = [b async for b in self._source.database.stream(sql, values, whole=True)]
        return span, pa.Table.from_batches(parts).combine_chunks()

    async def _is_empty(self, unit: Unit) -> bool:
        sql = f"SELECT 1 AS n FROM {quote(unit.name)} LIMIT 1"
        return not (await self._target.database.fetch(sql)).num_rows

    async def _keyless(self, unit: Unit) -> list[Refusal]:
        """Return the rows of an earlier table that lack a part of their key."""
        if unit.name not in self._source.older:
            return []
        sql = self._source.cut.keyless(unit)
        found = await rows_of(self._source.database, sql, [])
        return [Refusal(row, "its key is incomplete, or cannot be read") for row in found]


def _ended(unit: Unit, span: Span, part: pa.Table) -> Span:
    """Return a part's keys with the last that it has: a run that is broken off goes on there."""
    if span.upto is not None:
        return span
    try:
        last = part.select(unit.key).slice(part.num_rows - 1).to_pylist()[0]
    except OverflowError as exc:
        raise Fatal(f"{unit.name} has a key outside the years 1 to 9999: {exc}") from exc
    return Span(span.after, unit.key_of(last))


def _is_noted(run_id: str, unit: Unit, number: int) -> Steps[Placed | None]:
    """Return what a part did that was stored by an earlier try, whose answer was lost."""
    found = yield Select(
        "SELECT appended FROM transfer_parts WHERE run_id = $1 AND unit = $2 AND part = $3",
        (run_id, unit.name, number),
    )
    return Placed(found["appended"][0].as_py()) if found.num_rows else None


def _finish(run_id: str) -> Steps[None]:
    yield Execute("UPDATE transfer_runs SET finished_at = now() WHERE run_id = $1", (run_id,))


async def _in_steps(database: Database, steps: Steps[T]) -> T:
    async with database.transaction() as transaction:
        return await transaction.run(steps)
