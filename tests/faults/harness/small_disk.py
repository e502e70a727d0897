"""A disk that a test can fill, and a database on it."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import asyncpg

from tests.services.databases import PostgresServer

DISK_MB = 40


@contextmanager
def small_disk(server: PostgresServer, pass_over: Callable[[str, str], NoReturn]) -> Iterator[Path]:
    """Mount a file system of a few megabytes that the server may write to."""
    owner = server.data.stat()
    with tempfile.TemporaryDirectory(prefix="econstream-disk-") as folder:
        Path(folder).chmod(0o755)
        options = f"size={DISK_MB}m,mode=755"
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        try:
            done = subprocess.run(mount, check=False, capture_output=True, text=True, timeout=10)
        except OSError as exc:
            pass_over("a disk to fill", f"no mount: {exc.strerror}")
        if done.returncode:
            pass_over("a disk to fill", f"mount is refused: {done.stderr.strip()}")
        try:
            place = Path(folder) / "data"
            place.mkdir()
            os.chown(place, owner.st_uid, owner.st_gid)
            yield place
        finally:
            server.stop()
            subprocess.run(["umount", folder], check=True, timeout=10)


async def database_on(server: PostgresServer, disk: Path) -> str:
    """Make a database whose files are on a disk; return its URL."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await connection.execute("CREATE DATABASE small TABLESPACE small")
    finally:
        await connection.close()
    return server.url.removesuffix("/postgres") + "/small"


def fill(disk: Path) -> Path:
    """Leave no room on a disk; return the file to remove to have it back."""
    filler = disk.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk has no end")
