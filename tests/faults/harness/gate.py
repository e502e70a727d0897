"""A door before PostgreSQL that can be shut at a chosen point of a batch's transaction."""

import asyncio
import struct
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_SSL_REQUEST = 80_877_103
_STEPS = frozenset(b"QBd")  # queries, bound statements, parts of a COPY


class Point(StrEnum):
    """Where a batch is held: `polled`, and nothing of it written; and so on."""

    POLLED = "polled"
    IN_TRANSACTION = "in transaction"
    COMMITTED = "after database commit"


class Gate:
    """Passes PostgreSQL's protocol on; an async context manager.

    A loader that connects to `url` knows nothing of it. `held` is set once something is held,
    and `ended` lists how the held transactions ended: COMMIT or ROLLBACK.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._point: Point | None = None
        self._after = 0
        self._open = asyncio.Event()
        self._passages: set[asyncio.Task[None]] = set()
        self.held = asyncio.Event()
        self.ended: list[str] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._on_connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = self._target.username or "postgres"
        place = self._target._replace(netloc=f"{user}@127.0.0.1:{port}", query="sslmode=disable")
        self.url = urlunsplit(place)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self.drop()

    def hold(self, point: Point, after: int = 0) -> None:
        """Hold the next batch at a point: in its transaction, `after` so many more messages.

        What comes to its COMMIT sooner is held before that.
        """
        self.held.clear()
        self._open.clear()
        self._point, self._after = point, after

    def release(self) -> None:
        """Let what is held go on."""
        self._open.set()

    async def drop(self) -> None:
        """Cut all connections; the server never sees what is held."""
        self._point = None
        passages = list(self._passages)
        for passage in passages:
            passage.cancel()
        await asyncio.gather(*passages, return_exceptions=True)

    def meets(self, point: Point, steps: int | None = None) -> bool:
        """Return whether a connection stands where it is to be held."""
        return self._point is point and (steps is None or steps > self._after)

    async def shut(self) -> None:
        """Hold the caller; what follows passes."""
        self._point = None
        self.held.set()
        await self._open.wait()

    async def _on_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passages.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                host, port = self._target.hostname or "127.0.0.1", self._target.port or 5432
                server = await asyncio.open_connection(host, port)
                try:
                    await _Passage(self, reader, writer, *server).run()
                finally:
                    server[1].close()
        finally:
            self._passages.discard(task)
            writer.close()


class _Passage:
    """One connection through the gate."""

    def __init__(
        self,
        gate: Gate,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self._gate = gate
        self._client, self._to_client = client, to_client
        self._server, self._to_server = server, to_server
        self._statements: dict[bytes, bytes] = {}
        self._steps: int | None = None
        self._answer_held = False
        self._was_held = False

    async def run(self) -> None:
        """Pass messages both ways until either end is gone."""
        ways = {asyncio.create_task(self._ask()), asyncio.create_task(self._answer())}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _ask(self) -> None:
        await self._start()
        while True:
            head = await self._client.readexactly(5)
            body = await self._client.readexactly(struct.unpack("!I", head[1:])[0] - 4)
            await self._watch(head[0], body)
            self._to_server.write(head + body)
            await self._to_server.drain()

    async def _start(self) -> None:
        """Pass the first message on, which has no type."""
        head = await self._client.readexactly(8)
        size, code = struct.unpack("!II", head)
        assert code != _SSL_REQUEST, "the gate reads what passes: connect without TLS"
        self._to_server.write(head + await self._client.readexactly(size - 8))

    async def _answer(self) -> None:
        while data := await self._server.read(65_536):
            if self._answer_held:
                self._answer_held = False
                await self._gate.shut()
            self._to_client.write(data)
            await self._to_client.drain()

    async def _watch(self, kind: int, body: bytes) -> None:
        """Follow a batch through its transaction, and hold it where the gate wants it."""
        sql = self._sql(kind, body)
        if _begins_a_batch(sql):
            if self._steps is None and self._gate.meets(Point.POLLED):
                await self._shut()
            self._steps = 0
        elif self._steps is not None and kind in _STEPS:
            self._steps += 1
            last = sql.partition(b"\0")[0].rpartition(b";")[2].strip()
            ends = last in (b"COMMIT", b"ROLLBACK")
            if self._gate.meets(Point.IN_TRANSACTION, 10_000 if ends else self._steps):
                await self._shut()
            if ends:
                self._steps = None
                if self._was_held:
                    self._was_held = False
                    self._gate.ended.append(last.decode())
                self._answer_held = last == b"COMMIT" and self._gate.meets(Point.COMMITTED)

    async def _shut(self) -> None:
        self._was_held = True
        await self._gate.shut()

    def _sql(self, kind: int, body: bytes) -> bytes:
        """Return the statement that a message runs, empty where it runs none."""
        match chr(kind):
            case "Q":
                return body
            case "P":
                name, sql = body.split(b"\0", 2)[:2]
                self._statements[name] = sql
            case "B":
                return self._statements.get(body.split(b"\0", 2)[1], b"")
        return b""


def _begins_a_batch(sql: bytes) -> bool:
    """Return whether this is the compare-and-set of offsets, with which every batch begins."""
    return sql.startswith(b"UPDATE consumer_offsets") and b"next_offset = $" in sql
