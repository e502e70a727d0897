"""A database as a folder of Parquet files with a manifest, and such a folder as a source."""

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from shared.database.base import Database
from shared.database.ddl import text
from shared.database.sql import listed
from shared.database.tables import CONSUMER_OFFSETS
from shared.database.transfer.compare import spans_of
from shared.database.transfer.parts import IS_REVISION, Cut, Unit
from shared.database.transfer.source import Side
from shared.errors import Fatal

MANIFEST = "manifest.json"
FORMAT = 1
_OFFSETS = f"{CONSUMER_OFFSETS.name}.parquet"


@dataclass(frozen=True, slots=True)
class Backup:
    """A complete folder: its identity, and for each unit its files and how many rows."""

    folder: Path
    identity: str
    rows: dict[str, int]
    files: dict[str, str]


async def write_backup(
    source: Side, units: Sequence[Unit], folder: Path, rows: int, tell: Callable[[str, int], None]
) -> None:
    """Write all rows of the units, a file for each part, and at last the manifest.

    The offsets are read first: whoever reads on from them after a restore misses nothing.
    Memory holds one part.
    """
    await asyncio.to_thread(folder.mkdir, parents=True)
    if source.cut.has(CONSUMER_OFFSETS):
        names = listed(column.name for column in CONSUMER_OFFSETS.columns)
        found = await source.database.fetch(f"SELECT {names} FROM consumer_offsets")
        pq.write_table(found, folder / _OFFSETS)
    counts: dict[str, int] = {}
    for unit in units:
        if source.has(unit):
            counts[unit.name] = await _write_unit(source, unit, folder, rows, tell)
    await asyncio.to_thread(_write_manifest, folder, source.database.backend, counts)


def _write_manifest(folder: Path, backend: str, counts: dict[str, int]) -> None:
    document = {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "backend": backend,
        "rows": counts,
        "files": {
            path.relative_to(folder).as_posix(): _digest(path)
            for path in sorted(folder.rglob("*.parquet"))
        },
    }
    (folder / MANIFEST).write_text(json.dumps(document, indent=1), encoding="utf-8")


async def _write_unit(
    source: Side, unit: Unit, folder: Path, rows: int, tell: Callable[[str, int], None]
) -> int:
    written = 0
    tell(unit.name, 0)
    for number, span in enumerate(await spans_of(source, unit, rows, None), 1):
        sql, values = source.cut.rows(unit, span)
        place = folder / unit.name / f"part-{number:06}.parquet"
        place.parent.mkdir(exist_ok=True)
        writer: Any = None
        try:
            async for batch in source.database.stream(sql, values, whole=True):
                if writer is None:
                    writer = pq.ParquetWriter(place, batch.schema, compression="zstd")
                writer.write_batch(batch)
                written += batch.num_rows
        finally:
            if writer is not None:
                writer.close()
        tell(unit.name, written)
    return written


def read_backup(folder: Path) -> Backup:
    """Return a folder's manifest, its files held against their digests.

    Raises Fatal that names what is missing, damaged, or of a newer format.
    """
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
        backup = Backup(folder, document["id"], document["rows"], document["files"])
        newer = int(document["format"]) > FORMAT
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise Fatal(f"{folder} holds no complete backup: its {MANIFEST} cannot be read") from exc
    if newer:
        raise Fatal(f"{folder} was written by a newer econstream: restore it with that one")
    for name, digest in backup.files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise Fatal(f"{path} is missing or damaged: restore from another copy of the backup")
    return backup


def side_of(backup: Backup, scratch: Database, units: Sequence[Unit]) -> Side:
    """Return a backup as a source of rows; `scratch` is a DuckDB that reads its files."""
    relations = dict(_relations(backup, units))
    return Side(scratch, Cut(scratch.backend, relations))


def _relations(backup: Backup, units: Sequence[Unit]) -> Iterator[tuple[str, str]]:
    for unit in units:
        if unit.name in backup.rows:
            files = text(str(backup.folder.resolve() / unit.name / "*.parquet"))
            columns = listed(column.name for column in unit.columns)
            for table in unit.tables:
                which = "" if table is unit.revisions else "NOT "
                yield (
                    table.name,
                    (f"(SELECT {columns} FROM read_parquet({files}) WHERE {which}{IS_REVISION})"),
                )
    if _OFFSETS in backup.files:
        file = text(str(backup.folder.resolve() / _OFFSETS))
        yield CONSUMER_OFFSETS.name, f"(SELECT * FROM read_parquet({file}))"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
