"""An upstream on this machine, in a process of its own: FRED's and Yahoo's answers from memory.

The first line it reads says how long they are; it answers with its address.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from benchmarks.rig import answers
from services.fetcher.answer import Answer, Request
from services.fetcher.http.client import HttpClient
from shared.errors import Fatal

_STARTS_WITHIN_S = 60.0
_OFTEN = 1_000_000.0


class Nearby(HttpClient):
    """Asks a server on this machine whatever upstream a request is for, as often as it likes."""

    def __init__(self, address: str) -> None:
        host = address.partition(":")[0]
        super().__init__({host: _OFTEN}, schemes=("http",), private=True)
        self._address = address

    async def get(self, request: Request) -> Answer:
        parts = urlsplit(request.url)._replace(scheme="http", netloc=self._address, fragment="")
        return replace(await super().get(replace(request, url=parts.geturl())), url=request.url)


@asynccontextmanager
async def upstream(rows: int) -> AsyncIterator[str]:
    """Lend the address of a server whose answers have so many rows; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.rig.upstream",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{rows}\n".encode())
        async with asyncio.timeout(_STARTS_WITHIN_S):
            address = (await process.stdout.readline()).decode().strip()
        if not address:
            raise Fatal("the upstream's process ended: see its lines above")
        yield address
    finally:
        process.stdin.close()
        await process.wait()


class _Server:
    """Answers by the path alone."""

    def __init__(self, rows: int) -> None:
        described = {"id": "S", "realtime_start": "2026-11-02", "realtime_end": "2026-11-02"}
        texts = ("title", "units", "units_short", "frequency", "seasonal_adjustment", "notes")
        described |= dict.fromkeys(texts, "as it is")
        described |= {"last_updated": "2026-10-30 07:54:01-05"}
        bounds = dict.fromkeys(("realtime_start", "realtime_end"), "2026-11-02")
        nothing = {"count": 0, "offset": 0, "limit": 1_000}
        self._bodies = {
            "/fred/series/observations": answers.observations(rows),
            "/fred/series": json.dumps(bounds | {"seriess": [described]}).encode(),
        }
        self._chart = answers.chart(rows)
        lists: dict[str, list[str]] = {"releases": [], "seriess": [], "release_dates": []}
        self._else = json.dumps(bounds | nothing | lists).encode()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode().partition("?")[0]
                chart = path.startswith("/v8/finance/chart/")
                body = self._chart if chart else self._bodies.get(path, self._else)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body))
                writer.write(body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()


async def _serve() -> None:
    server = _Server(int(sys.stdin.readline()))
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()[:2]
    print(f"{host}:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(_serve())
