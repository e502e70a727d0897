"""What `migrate`, `backup` and `restore` share: databases lent, rows moved, verdicts printed."""

import asyncio
import datetime as dt
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from services.cli.database.progress import telling, timed
from services.cli.output import listing
from shared.database.base import Database
from shared.database.factory import create_database
from shared.database.transfer.journal import key_text, rows_from
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Unit, units
from shared.database.transfer.rollback import Undone
from shared.database.transfer.run import Run, Stored, Tally, Transfer, unheard
from shared.database.transfer.source import Side, look
from shared.database.transfer.verify import Known, Verdict, verify
from shared.database.transfer.verify_meanwhile import Meanwhile
from shared.errors import EX_FAILED, EX_OK
from shared.memory import return_memory
from shared.observability import report
from shared.registry import discover
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found at the end, None where nobody looked, and what this run did for it."""

    verdicts: Sequence[Verdict] | None
    tallies: Mapping[str, Tally]


def chosen_units(names: Sequence[str]) -> list[Unit]:
    """Return the units of these names, of all where none is named; else wrong usage."""
    every = {unit.name: unit for unit in units(discover())}
    unknown = [name for name in names if name not in every]
    if unknown:
        raise typer.BadParameter(f"there are no tables {unknown}: choose from {[*every]}")
    return [unit for name, unit in every.items() if not names or name in names]


@asynccontextmanager
async def connected(database: Database) -> AsyncIterator[None]:
    """Open a database for the block, through which all its rows may pass."""
    return_memory()
    try:
        await database.open()
        yield
    finally:
        await database.close()


@asynccontextmanager
async def opened_target(
    settings: Settings, chosen: Sequence[Unit], since: dt.datetime | None, *, apply: bool
) -> AsyncIterator[Side]:
    """Lend the database that gets rows, its tables made first; without `apply`, to look at."""
    with _a_file(settings, apply=apply) as settings:
        there = settings.database_backend == "duckdb" and settings.duckdb_path.exists()
        database = create_database(
            settings, application="econstream-migrate", read_only=there and not apply
        )
        async with connected(database):
            if apply:
                await database.apply_schema(discover())
            yield await look(database, [*chosen, OFFSETS], since, None)


@contextmanager
def _a_file(settings: Settings, *, apply: bool) -> Iterator[Settings]:
    """Lend the settings; those of an empty file where none is there, and none is to be made."""
    if apply or settings.database_backend != "duckdb" or settings.duckdb_path.exists():
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="econstream-absent-") as scratch:
        yield settings.model_copy(update={"duckdb_path": Path(scratch) / "absent.duckdb"})


@dataclass(frozen=True, slots=True)
class Move:
    """What is moved between two sides, and the file for rows that are left out."""

    source: Side
    target: Side
    units: Sequence[Unit]
    batch_rows: int
    origin: str
    topic_prefix: str
    rejects: Path
    new_epochs: bool = False


async def moved(move: Move, stored: Stored = unheard) -> Run:
    """Move rows with progress on standard error, and say what run it is and what it left out."""
    transfer = Transfer(
        move.source, move.target, move.units,
        batch_rows=move.batch_rows, origin=move.origin, topic_prefix=move.topic_prefix,
    )  # fmt: skip
    with timed("moving"), telling("moving") as told:
        run = await transfer.run(
            lambda tally: told(tally.unit, tally.rows), stored, new_epochs=move.new_epochs
        )
    went = "went on with" if run.resumed else "this was"
    report(f"{went} run {run.run_id}: `econstream migrate --rollback {run.run_id}` undoes it")
    await _write_rejects(move.target.database, run.run_id, move.rejects)
    return run


async def moved_and_verified(move: Move) -> Outcome:
    """Move rows and compare all units: parts meanwhile, and at the end what is left."""
    with timed("moving and verifying"):
        meanwhile = Meanwhile(move.source, move.target)
        async with asyncio.TaskGroup() as tasks:
            meanwhile.begin(tasks)
            run = await moved(move, meanwhile.stored)
            meanwhile.end()
        verdicts = await _compared(
            move.source, move.target, move.units, move.batch_rows, meanwhile.found
        )
    return Outcome(verdicts, run.tallies)


async def verified(source: Side, target: Side, chosen: Sequence[Unit], rows: int) -> list[Verdict]:
    """Compare all units, with progress on standard error."""
    with timed("verifying"):
        return await _compared(source, target, chosen, rows, {})


async def _compared(
    source: Side, target: Side, chosen: Sequence[Unit], rows: int, known: Mapping[str, Known]
) -> list[Verdict]:
    with telling("verifying") as told:
        return [
            await verify(
                source, target, unit, rows, lambda v: told(v.unit, v.rows), known.get(unit.name)
            )
            for unit in chosen
            if source.has(unit)
        ]


async def _write_rejects(database: Database, run_id: str, path: Path) -> None:
    """Write the rows that a run left out, a line of JSON each; no file where there are none."""
    found = await database.fetch(
        'SELECT unit, part, reason, "row" FROM transfer_rejects WHERE run_id = $1 '
        "ORDER BY unit, part, key",
        (run_id,),
    )
    if not found.num_rows:
        return
    with path.open("w", encoding="utf-8") as file:
        for line in found.to_pylist():
            [row] = rows_from(line["row"])
            told = {"run": run_id, "table": line["unit"], "reason": line["reason"], "row": row}
            file.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
    report(f"{found.num_rows} rows were left out: {path} says which, and why", failed=True)


def print_outcome(outcome: Outcome, *, as_json: bool) -> int:
    """Print a line for each unit, and what is missing; return the exit status."""
    rows: list[tuple[object, ...]] = []
    for v in outcome.verdicts or ():
        tally = outcome.tallies.get(v.unit, Tally(v.unit))
        figures = (tally.appended, tally.changed, tally.refused)
        rows.append((v.unit, v.rows, *figures, v.same, v.newer, v.own, v.faults))
    if outcome.verdicts is None:
        rows += [
            (t.unit, t.rows, t.appended, t.changed, t.refused, *[None] * 4)
            for t in outcome.tallies.values()
        ]
    names = ["table", "source_rows", "stored", "changed", "refused", "same", "newer", "own"]
    listing([*names, "missing"], rows, as_json=as_json)
    return _told(outcome)


def _told(outcome: Outcome) -> int:
    """Say what the figures mean, and return the exit status."""
    failed = any(tally.refused for tally in outcome.tallies.values())
    if outcome.verdicts is None:
        report("not verified: run with --verify-only to compare both databases")
        return EX_FAILED if failed else EX_OK
    for v in outcome.verdicts:
        if v.faults:
            failed = True
            keys = ", ".join(str(key_text(key)) for key in v.missing)
            report(
                f"{v.unit}: {v.faults} rows are missing or have other values, of keys {keys}",
                failed=True,
            )
    if not failed:
        report("verified: counts, keys and checksums agree")
    return EX_FAILED if failed else EX_OK


def print_undone(undone: Sequence[Undone], *, as_json: bool) -> None:
    """Print what a rollback did."""
    rows = [(u.unit, u.deleted, u.restored, u.kept) for u in undone]
    listing(["table", "deleted", "restored", "kept"], rows, as_json=as_json)
    if any(u.kept for u in undone):
        report("rows that others changed since the run were kept")
