"""The command `migrate`: both databases opened, rows moved and compared, and what it says."""

import asyncio
import datetime as dt
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from services.cli.database.transferring import (
    Move,
    Outcome,
    chosen_units,
    connected,
    moved,
    moved_and_verified,
    opened_target,
    print_outcome,
    print_undone,
    verified,
)
from services.cli.output import listing
from services.cli.records.republishing import read_since
from services.cli.session import begin, find_up, refuse_held, wait_for
from shared.database.factory import create_database
from shared.database.tables import Table
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Unit
from shared.database.transfer.pickles import fill, pickled
from shared.database.transfer.rollback import rollback as roll_back
from shared.database.transfer.source import Side, look
from shared.errors import ConfigError
from shared.observability import report
from shared.settings import Settings

_MEMORY_LIMIT = "160MB"
"""What DuckDB may take here: rows pass by part after part."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be moved, and where."""

    to: str
    tables: Sequence[str]
    since: str | None
    batch_rows: int
    pickles: Path | None
    rejects: Path


def run_migrate(
    wanted: Wanted, *, dry_run: bool, move: bool, verify: bool, rollback: str | None, as_json: bool
) -> NoReturn:
    """Migrate and exit: 0, or 1 where rows are missing at the end."""
    chosen = chosen_units(wanted.tables)
    since = read_since(wanted.since) if wanted.since else None
    settings = begin("migrate")
    migration = _Migration(settings, wanted, chosen, since, as_json=as_json)
    if rollback is not None:
        wait_for(lambda: migration.rollback(rollback))
    elif dry_run:
        wait_for(migration.rehearse)
    else:
        wait_for(lambda: migration.run(move=move, verify=verify))


class _Migration:
    """One migration: from one of the settings' databases into the other."""

    def __init__(
        self, settings: Settings, wanted: Wanted, chosen: list[Unit], since: dt.datetime | None,
        *, as_json: bool,
    ) -> None:  # fmt: skip
        small = {"duckdb_memory_limit": _MEMORY_LIMIT, "database_pool_size": 4}
        here = {backend: settings.model_copy(update={"database_backend": backend, **small})
                for backend in ("duckdb", "postgresql")}  # fmt: skip
        self._target = here[wanted.to]
        self._source = here["postgresql" if wanted.to == "duckdb" else "duckdb"]
        self._wanted = wanted
        self._units = chosen
        self._since = since
        self._as_json = as_json

    async def run(self, *, move: bool, verify: bool) -> int:
        """Move the rows, compare both databases, or do both, and return the status."""
        await self._refuse_held()
        async with (
            self._opened_source() as source,
            opened_target(self._target, self._units, self._since, apply=move) as target,
        ):
            self._tell_notes(source)
            if move:
                outcome = await self._move(source, target, verify=verify)
            else:
                found = await verified(source, target, self._units, self._wanted.batch_rows)
                outcome = Outcome(found, {})
        return print_outcome(outcome, as_json=self._as_json)

    async def _move(self, source: Side, target: Side, *, verify: bool) -> Outcome:
        move = Move(
            source, target, self._units, self._wanted.batch_rows, self._origin(),
            self._target.kafka_topic_prefix, self._wanted.rejects,
        )  # fmt: skip
        if verify:
            return await moved_and_verified(move)
        return Outcome(None, (await moved(move)).tallies)

    async def rehearse(self) -> int:
        """Say what stands on both sides; change nothing."""
        await self._refuse_held()
        async with (
            self._opened_source() as source,
            opened_target(self._target, self._units, self._since, apply=False) as target,
        ):
            self._tell_notes(source)
            rows = []
            for unit in self._units:
                for table in unit.tables:
                    counts = [await _count(side, unit, table) for side in (source, target)]
                    rows.append((table.name, *counts))
        listing(["table", "source_rows", "target_rows"], rows, as_json=self._as_json)
        report("nothing was changed: run without --dry-run to move the rows")
        return 0

    async def rollback(self, run_id: str) -> int:
        """Undo a run in the target."""
        await self._refuse_held()
        database = create_database(self._target, application="econstream-migrate")
        async with connected(database):
            undone = await roll_back(database, run_id, self._units)
        print_undone(undone, as_json=self._as_json)
        return 0

    async def _refuse_held(self) -> None:
        running = await asyncio.to_thread(find_up, self._source)
        for settings in (self._source, self._target):
            refuse_held(settings, running, "reads and writes it meanwhile")

    def _tell_notes(self, source: Side) -> None:
        for note in source.notes:
            report(note)

    def _origin(self) -> str:
        place = (
            str(self._source.duckdb_path.resolve())
            if self._wanted.to == "postgresql"
            else "postgresql"
        )
        names = sorted(self._wanted.tables)
        since = self._since.isoformat() if self._since else None
        return json.dumps({"from": place, "tables": names, "since": since})

    @asynccontextmanager
    async def _opened_source(self) -> AsyncIterator[Side]:
        every = [*self._units, OFFSETS]
        if self._wanted.to == "duckdb":
            database = create_database(self._source, application="econstream-migrate")
            async with connected(database):
                yield await look(database, every, self._since, None)
            return
        path = self._source.duckdb_path
        if path.exists():
            known = int(path.stat().st_mtime)
            database = create_database(self._source, application="migrate", read_only=True)
            async with connected(database):
                side = await look(database, every, self._since, _at(every, known))
                if await _holds_rows(side, self._units):
                    yield side
                    return
        async with self._from_pickles(every) as side:
            yield side

    @asynccontextmanager
    async def _from_pickles(self, every: Sequence[Unit]) -> AsyncIterator[Side]:
        path = self._source.duckdb_path
        folder = self._wanted.pickles or path.parent
        names = {unit.name for unit in every}
        files = {name: file for name, file in pickled(folder).items() if name in names}
        if not files:
            what = "has no rows" if path.exists() else "does not exist"
            raise ConfigError(
                f"{path} {what}, and there are no pickled DataFrames (such as fred_data.pkl) in "
                f"{folder}: set DUCKDB_PATH or pass --pickles"
            )
        report(f"{path} has nothing: reading {len(files)} pickled DataFrames from {folder}")
        known = {name: int(file.stat().st_mtime) for name, file in files.items()}
        with tempfile.TemporaryDirectory(prefix="econstream-pickles-") as scratch:
            update = {"duckdb_path": Path(scratch) / "pickled.duckdb"}
            settings = self._source.model_copy(update=update)
            database = create_database(settings, application="migrate")
            async with connected(database):
                await fill(database, files)
                yield await look(database, every, self._since, known)


def _at(every: Sequence[Unit], known: int) -> Mapping[str, int]:
    return {unit.name: known for unit in every}


async def _count(side: Side, unit: Unit, table: Table) -> int | None:
    if not side.cut.has(table):
        return None
    sql, values = side.cut.count(unit, table)
    count: int = (await side.database.fetch(sql, tuple(values)))["n"][0].as_py()
    return count


async def _holds_rows(side: Side, chosen: Sequence[Unit]) -> bool:
    for unit in chosen:
        if side.has(unit) and await _count(side, unit, unit.table):
            return True
    return False
