"""A real HTTP server on loopback that answers as a test tells it, also against the rules."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """What is served: the replies to each path, one after the other, the last again and again."""

    address: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://{self.address}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        try:
            await self._answer(reader, writer)
        finally:
            writer.transport.abort()
            self.serving.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            self.requests.append(target)
            waiting = self.replies.get(target.partition("?")[0], [response(b"", 404)])
            reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if callable(reply):
                await reply(writer)
            else:
                writer.write(reply)
                await writer.drain()
                writer.close()
                await writer.wait_closed()


def response(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> bytes:
    """Return a response; `length` may lie, and a header's name is written with underscores."""
    named = {"content-length": str(len(body) if length is None else length)}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Said\r\n{head}connection: close\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def misbehaving() -> AsyncIterator[Server]:
    """Serve on a free port of 127.0.0.1 until the end of the block."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()[:2]
    server.address = f"{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in server.serving:
            task.cancel()
        await asyncio.gather(*server.serving, return_exceptions=True)
        await listening.wait_closed()
