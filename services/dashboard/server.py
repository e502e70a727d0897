"""Streamlit as a child process: its port, its options, its start and its end."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.dashboard.palette import THEME
from shared import tether
from shared.errors import ConfigError, Fatal
from shared.settings import Settings

_PROGRAM = "services.dashboard.entry.serve"
_READY_SECONDS = 60.0
_STOP_SECONDS = 3.0
_LOOK_SECONDS = 0.05
_REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # a name, nothing listens
"""Where a server that listens on all addresses is reached."""

_OPTIONS = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "global.developmentMode": False,
    "logger.level": "warning",
}


@dataclass(frozen=True, slots=True)
class Serving:
    """A dashboard at `host` and `port`, starting or running."""

    host: str
    port: int
    process: asyncio.subprocess.Process
    log_path: Path

    @property
    def address(self) -> str:
        """The address to open in a browser on this machine."""
        host = _REACHED.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    async def ready(self, stop: asyncio.Event) -> bool:
        """Return True when it answers, False where `stop` is set before; within a minute.

        Raises Fatal where it does not start.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not stop.is_set():
                    if self.process.returncode is not None:
                        raise self._ended()
                    if await _healthy(self.host, self.port):
                        return True
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError as exc:
            raise Fatal(f"the dashboard did not start in time; {self.log_path} says why") from exc
        return False

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the event; raises Fatal where the dashboard ends before it."""
        stopping = asyncio.create_task(stop.wait())
        ending = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait([stopping, ending], return_when=asyncio.FIRST_COMPLETED)
            if ending.done() and not stop.is_set():
                raise self._ended()
        finally:
            stopping.cancel()
            ending.cancel()

    def _ended(self) -> Fatal:
        return Fatal(
            f"the dashboard ended by itself with status {self.process.returncode}; "
            f"{self.log_path} says why. DASHBOARD_PORT=0 does without it"
        )


@asynccontextmanager
async def serving(settings: Settings, api_url: str) -> AsyncIterator[Serving]:
    """Run the dashboard while the block does; it ends with this process, however that dies.

    The block begins while it starts. Raises ConfigError where the port is taken.
    """
    host, port = settings.dashboard_host, settings.dashboard_port
    _refuse_taken(host, port)
    log_path = settings.data_dir / "dashboard.log"
    process = await _spawn(host, port, api_url, log_path)
    try:
        yield Serving(host, port, process, log_path)
    finally:
        await _end(process)


async def _spawn(host: str, port: int, api_url: str, log_path: Path) -> asyncio.subprocess.Process:
    options = _OPTIONS | THEME | {"server.address": host, "server.port": port}
    command = [sys.executable, "-m", _PROGRAM, json.dumps(options), api_url]
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, tether.__file__, str(os.getpid())),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def _healthy(host: str, port: int) -> bool:
    """Return whether the server says that it is ready for browsers."""
    try:
        reader, writer = await asyncio.open_connection(_REACHED.get(host, host), port)
    except OSError:
        return False
    try:
        writer.write(b"GET /_stcore/health HTTP/1.0\r\nHost: localhost\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _refuse_taken(host: str, port: int) -> None:
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as exc:
        raise ConfigError(
            f"the dashboard cannot listen on {host}:{port} ({exc.strerror}): set DASHBOARD_PORT to "
            "a free port, or to 0 for no dashboard"
        ) from exc
