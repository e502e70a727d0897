"""The file `up.json`, by which every other command finds the `up` that runs, and its lock.

The lock, not the file, tells whether an `up` lives: the kernel releases it however the
process dies, so a file that is left behind is recognised, whoever has its pid by then.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from shared.errors import ConfigError, Fatal, Transient
from shared.settings import Settings

FILE_NAME = "up.json"
LOCK_NAME = "up.lock"

_PROBE_SECONDS = 1.0
"""Longer than another process, asking whether the lock is held, can hold it itself."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a running `up` tells the other commands.

    duckdb_path  the file that it holds; None with PostgreSQL
    api_url      where its API listens; None where it has none
    """

    pid: int
    kafka_bootstrap_servers: str
    control_url: str
    token: str = field(repr=False)
    duckdb_path: Path | None
    api_url: str | None

    def holds(self, settings: Settings) -> bool:
        """Return whether it holds the DuckDB file that these settings mean.

        Where DUCKDB_PATH is not set, its file is meant, whichever that is.
        """
        if settings.database_backend != "duckdb" or self.duckdb_path is None:
            return False
        if "duckdb_path" not in settings.model_fields_set:
            return True
        return settings.duckdb_path.resolve() == self.duckdb_path.resolve()


class Claim:
    """The right to be the one `up` of a data folder, and to say so."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def announce(self, running: Running) -> None:
        """Write `up.json`, readable by this user alone, in one step. Raises ConfigError."""
        draft = self._path.with_name(f".{FILE_NAME}.{os.getpid()}")
        document = asdict(running) | {
            "duckdb_path": None if running.duckdb_path is None else str(running.duckdb_path)
        }
        try:
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                json.dump(document, out)
            draft.replace(self._path)
        except OSError as exc:
            raise _unwritable(self._path.parent, exc) from exc

    def withdraw(self) -> None:
        """Remove `up.json`; idempotent."""
        self._path.unlink(missing_ok=True)


@contextmanager
def claim(folder: Path) -> Iterator[Claim]:
    """Be the one `up` of the folder until the block ends; then `up.json` is gone.

    Waits a second at most. Raises Fatal that names the process where another `up` lives,
    ConfigError where the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _unwritable(folder, exc) from exc
    try:
        _take(lock, folder)
        held = Claim(folder)
        held.withdraw()
        try:
            yield held
        finally:
            held.withdraw()
    finally:
        os.close(lock)


def find_running(folder: Path) -> Running | None:
    """Return the `up` that lives on this data folder, or None; a file left behind is passed over.

    Raises Transient where one lives but is only starting or already ending. Reads two small
    files and changes neither.
    """
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _try_lock(lock, fcntl.LOCK_SH):
            return None
        owner = _owner(lock)
    finally:
        os.close(lock)
    try:
        document = json.loads((folder / FILE_NAME).read_bytes())
        path = document.pop("duckdb_path")
        return Running(duckdb_path=None if path is None else Path(path), **document)
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise Transient(
            f"econstream runs as process {owner} on {folder}, but it is only starting or already "
            "ending: try again in a moment"
        ) from exc
    except OSError as exc:
        raise ConfigError(
            f"{folder / FILE_NAME} cannot be read ({exc.strerror}): it belongs to the user who "
            "started `econstream up`; run this command as that user"
        ) from exc


def _take(lock: int, folder: Path) -> None:
    deadline = time.monotonic() + _PROBE_SECONDS
    while not _try_lock(lock, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise Fatal(
                f"econstream runs already on {folder}, as process {_owner(lock)}: use that one, "
                "stop it with Ctrl-C, or set DATA_DIR to another folder"
            )
        time.sleep(0.02)  # noqa: TID251  # a lock has no event to wait for; bounded above
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _try_lock(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(lock: int) -> str:
    return os.pread(lock, 20, 0).decode(errors="replace") or "unknown"


def _unwritable(folder: Path, exc: OSError) -> ConfigError:
    return ConfigError(
        f"the data folder {folder} cannot be written ({exc.strerror}): "
        "set DATA_DIR to a folder of yours"
    )
