"""A real HTTP server on loopback that answers as a test tells it, also against the rules."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ByHead:
    """A reply that depends on the head of the request, in lower case."""

    reply: Callable[[asyncio.StreamWriter, str], Awaitable[None]]


Reply = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]] | ByHead


@dataclass
class Server:
    """What is served: the replies to each path, one after the other, the last again and again."""

    address: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
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
            self.heads.append(head.decode().lower())
            waiting = self.replies.get(target.partition("?")[0], [response(b"", 404)])
            reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if isinstance(reply, ByHead):
                await reply.reply(writer, self.heads[-1])
            elif callable(reply):
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


def unless_known(body: bytes, etag: str) -> Reply:
    """Return a reply that sends a body with its ETag, and 304 to whoever names that ETag."""

    async def reply(writer: asyncio.StreamWriter, head: str) -> None:
        known = f"if-none-match: {etag}\r\n" in head
        writer.write(response(b"", 304, etag=etag) if known else response(body, etag=etag))
        await writer.drain()

    return ByHead(reply)


def self_signed(folder: Path, name: str = "IP:127.0.0.1") -> ssl.SSLContext:
    """Return a server's side of TLS with a certificate that nobody vouches for, kept there."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test"
    names = ["-keyout", str(key), "-out", str(certificate)]
    alternative = ["-addext", f"subjectAltName={name}"]
    subprocess.run([*command.split(), *names, *alternative], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextlib.asynccontextmanager
async def misbehaving(
    tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Server]:
    """Serve on a port of loopback until the end of the block, encrypted where `tls` says."""
    server = Server()
    listening = await asyncio.start_server(server.serve, address, port, ssl=tls)
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
