"""uvicorn inside an event loop that belongs to somebody else: its socket, its start, its end."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import ConfigError, Fatal
from shared.observability import get_logger

DRAIN_SECONDS = 5
"""How long answers under way may take after the end was asked for."""

_START_SECONDS = 10.0
_BACKLOG = 2048
_log = get_logger(__name__)


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that accepts connections at `address`, `http://host:port`."""

    address: str
    serving: asyncio.Task[None]

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for the event; raises Fatal where the server ends before it."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, self.serving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if self.serving.done() and not stop.is_set():
            raise Fatal("the server ended by itself; its log says why")


@asynccontextmanager
async def listening(
    app: ASGIApp, host: str, port: int, *, setting: str = "API_PORT"
) -> AsyncIterator[Listening]:
    """Serve an application while the block runs; port 0 takes a free one.

    Leaving the block, also by cancellation, closes the port at once and gives answers under
    way DRAIN_SECONDS. Raises ConfigError where the address cannot be had, which says to
    change `setting`.
    """
    listener = _bind(host, port, setting)
    address = _address(host, listener)

    async def until_drained(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            # The drain is over: the transfer breaks off, and that is no error to trace.
            if not server.should_exit:
                raise

    config = uvicorn.Config(
        until_drained,
        lifespan="auto",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http-server")
    try:
        await _until_started(server, serving)
        _log.info("listening", address=address)
        yield Listening(address, serving)
    finally:
        server.should_exit = True
        await _finished(serving)
        listener.close()


async def _until_started(server: _Server, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while not server.started:
            if serving.done():
                raise Fatal("the server did not start; its log says why")
            await asyncio.sleep(0.01)


async def _finished(serving: asyncio.Task[None]) -> None:
    """Wait until the server has drained; what still runs then is cancelled."""
    _, still = await asyncio.wait([serving], timeout=DRAIN_SECONDS + 2)
    if still:
        serving.cancel()
        await asyncio.wait(still)


def _bind(host: str, port: int, setting: str) -> socket.socket:
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
    except OSError as exc:
        raise ConfigError(f"{host!r} names no address to listen on ({exc.strerror})") from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} is in use: set {setting}") from exc
        raise ConfigError(
            f"cannot listen on {host}:{port} ({exc.strerror}): set another, see {setting}"
        ) from exc
    return listener


def _address(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
