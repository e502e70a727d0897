"""What `migrate`, `backup` and `restore` share: databases lent, progress told, verdicts printed."""

import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from services.cli.output import listing
from shared.database.base import Database
from shared.database.factory import create_database
from shared.database.transfer.journal import key_text, rows_from
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Unit, units
from shared.database.transfer.rollback import Undone
from shared.database.transfer.run import Run, Tally, Transfer
from shared.database.transfer.source import Side, look
from shared.database.transfer.verify import Verdict, verify
from shared.errors import EX_FAILED, EX_OK
from shared.memory import return_memory
from shared.observability import report
from shared.registry import discover
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found at the end, and what this run did for it."""

    verdicts: Sequence[Verdict]
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


async def moved(transfer: Transfer, *, new_epochs: bool = False) -> Run:
    """Run a transfer with its progress on standard error, and say what run it is."""
    with telling("moving") as told:
        run = await transfer.run(lambda tally: told(tally.unit, tally.rows), new_epochs=new_epochs)
    went = "went on with" if run.resumed else "this was"
    report(f"{went} run {run.run_id}: `econstream migrate --rollback {run.run_id}` undoes it")
    return run


async def verified(source: Side, target: Side, chosen: Sequence[Unit], rows: int) -> list[Verdict]:
    """Compare all units, with progress on standard error."""
    with telling("verifying") as told:
        return [
            await verify(source, target, unit, rows, lambda v: told(v.unit, v.rows))
            for unit in chosen
            if source.has(unit)
        ]


async def write_rejects(database: Database, run_id: str, path: Path) -> None:
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
    rows = []
    for v in outcome.verdicts:
        tally = outcome.tallies.get(v.unit, Tally(v.unit))
        figures = (tally.appended, tally.changed, tally.refused)
        rows.append((v.unit, v.rows, *figures, v.same, v.newer, v.own, v.faults))
    names = ["table", "source_rows", "stored", "changed", "refused", "same", "newer", "own"]
    listing([*names, "missing"], rows, as_json=as_json)
    for v in outcome.verdicts:
        if v.faults:
            keys = ", ".join(str(key_text(key)) for key in v.missing)
            report(
                f"{v.unit}: {v.faults} rows are missing or have other values, of keys {keys}",
                failed=True,
            )
    failed = any(v.faults for v in outcome.verdicts)
    refused = any(tally.refused for tally in outcome.tallies.values())
    if not failed and not refused:
        report("verified: counts, keys and checksums agree")
    return EX_FAILED if failed or refused else EX_OK


def print_undone(undone: Sequence[Undone], *, as_json: bool) -> None:
    """Print what a rollback did."""
    rows = [(u.unit, u.deleted, u.restored, u.kept) for u in undone]
    listing(["table", "deleted", "restored", "kept"], rows, as_json=as_json)
    if any(u.kept for u in undone):
        report("rows that others changed since the run were kept")


Told = Callable[[str, int], None]


@contextmanager
def telling(doing: str) -> Iterator[Told]:
    """Lend what shows rows done by table: a bar on a terminal, a line at each table elsewhere.

    At the end it says how long that took.
    """
    began = time.monotonic()
    with _bars(doing) if sys.stderr.isatty() else nullcontext(_lines(doing)) as told:
        yield told
    report(f"{doing} took {time.monotonic() - began:.1f} s")


def _lines(doing: str) -> Told:
    seen: set[str] = set()

    def tell(unit: str, _rows: int) -> None:
        if unit not in seen:
            seen.add(unit)
            report(f"{doing} {unit}")

    return tell


@contextmanager
def _bars(doing: str) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (
        SpinnerColumn(),
        TextColumn(f"{doing} {{task.description}}"),
        TextColumn("{task.completed:,} rows"),
        TextColumn("{task.fields[rate]:,} rows/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def tell(unit: str, rows: int) -> None:
            if unit not in tasks:
                tasks[unit] = progress.add_task(unit, total=None, rate=0)
            task = progress.tasks[tasks[unit]]
            rate = int(rows / task.elapsed) if task.elapsed else 0
            progress.update(tasks[unit], completed=rows, rate=rate)

        yield tell
