"""The commands `backup` and `restore`: the configured database to and from a folder."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from services.cli.database.progress import telling, timed
from services.cli.database.transferring import (
    Move,
    Outcome,
    chosen_units,
    connected,
    moved_and_verified,
    opened_target,
    print_outcome,
    verified,
)
from services.cli.session import begin, find_up, refuse_held, wait_for
from shared.database.factory import create_database
from shared.database.transfer.backup import Backup, read_backup, side_of, write_backup
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Unit
from shared.database.transfer.source import Side, look
from shared.errors import ConfigError, Fatal
from shared.observability import report
from shared.settings import Settings

PART_ROWS = 50_000


def run_backup(folder: Path, names: Sequence[str]) -> NoReturn:
    """Back up and exit: 0, or 1 where what was written is not what is stored."""
    chosen = chosen_units(names)
    settings = begin("backup")
    if folder.exists():
        raise Fatal(f"{folder} is there already: name another folder, or remove it")
    if settings.database_backend == "duckdb" and not settings.duckdb_path.exists():
        raise ConfigError(f"{settings.duckdb_path} does not exist: set DUCKDB_PATH")
    wait_for(lambda: _backup(settings, chosen, folder))


def run_restore(folder: Path, names: Sequence[str], rejects: Path, *, as_json: bool) -> NoReturn:
    """Restore and exit: 0, or 1 where rows are missing at the end."""
    chosen = chosen_units(names)
    settings = begin("restore")
    wait_for(lambda: _restore(settings, chosen, folder, rejects, as_json=as_json))


async def _backup(settings: Settings, chosen: list[Unit], folder: Path) -> int:
    await _refuse_held(settings)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    database = create_database(settings, application="econstream-backup", read_only=True)
    try:
        async with connected(database):
            source = await look(database, [*chosen, OFFSETS], None, None)
            with timed("writing"), telling("writing") as told:
                await write_backup(source, chosen, draft, PART_ROWS, told)
            backup = read_backup(draft)
            async with _as_side(settings, backup, chosen) as written:
                verdicts = await verified(source, written, chosen, PART_ROWS)
        status = print_outcome(Outcome(verdicts, {}), as_json=False)
        if not status:
            draft.rename(folder)
            report(f"{folder} holds {sum(backup.rows.values())} rows")
        return status
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _restore(
    settings: Settings, chosen: list[Unit], folder: Path, rejects: Path, *, as_json: bool
) -> int:
    backup = await asyncio.to_thread(read_backup, folder)
    await _refuse_held(settings)
    origin = json.dumps({"backup": backup.identity, "tables": sorted(u.name for u in chosen)})
    async with (
        _as_side(settings, backup, chosen) as source,
        opened_target(settings, chosen, None, apply=True) as target,
    ):
        outcome = await moved_and_verified(
            Move(
                source, target, chosen, PART_ROWS, origin, settings.kafka_topic_prefix, rejects,
                new_epochs=True,
            )
        )  # fmt: skip
    return print_outcome(outcome, as_json=as_json)


async def _refuse_held(settings: Settings) -> None:
    running = await asyncio.to_thread(find_up, settings)
    refuse_held(settings, running, "reads and writes it meanwhile")


@asynccontextmanager
async def _as_side(
    settings: Settings, backup: Backup, chosen: Sequence[Unit]
) -> AsyncIterator[Side]:
    """Lend a backup as a side, read by a DuckDB of its own."""
    with tempfile.TemporaryDirectory(prefix="econstream-backup-") as scratch:
        update = {"database_backend": "duckdb", "duckdb_path": Path(scratch) / "scratch.duckdb"}
        database = create_database(settings.model_copy(update=update), application="backup")
        async with connected(database):
            yield side_of(backup, database, chosen)
