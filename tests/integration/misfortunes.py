"""Every way in which an upstream's answer goes wrong, and what a refresh says of it."""

import asyncio
import contextlib
import datetime as dt
import gzip
import io
import socket
import struct
from dataclasses import dataclass
from email.utils import format_datetime

from tests.integration.misbehaving import ByHead, Reply, response

LIMIT = 10_000
"""The most bytes that a body may have in these tests."""

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
GOOD = b"1\n2\n3"


@dataclass(frozen=True)
class Misfortune:
    """A reply that is no good, and words by which the refresh log must tell it from others."""

    reply: Reply
    said: str
    encrypted: bool = False


async def never(_: asyncio.StreamWriter) -> None:
    """Take the question and say nothing."""
    await asyncio.sleep(60)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Send a body so slowly that no single piece is late."""
    writer.write(response(b"", length=1_000))
    await _dripping(writer)


async def drip_of_head(writer: asyncio.StreamWriter) -> None:
    """Send a head that does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nx-long: ")
    await _dripping(writer)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection in the middle of a body, as a crashing server does."""
    writer.write(response(GOOD, length=1_000))
    await writer.drain()
    plug: socket.socket = writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def echo(writer: asyncio.StreamWriter, head: str) -> None:
    """Refuse, and repeat the whole question with its keys."""
    asked = head.partition(" ")[2].partition(" ")[0]
    writer.write(response(f"what is {head}?".encode(), 400, link=f"<{asked}>"))
    await writer.drain()


def bomb() -> bytes:
    """Return little that inflates to much."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"1\n" * 5_000_000)
    return packed.getvalue()


def misfortunes() -> dict[str, Misfortune]:
    """Return them by name; names are those of the paths below which they wait."""
    later = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)
    packed = gzip.compress(GOOD)
    return {
        "throttled_seconds": Misfortune(response(b"no", 429, retry_after="3600"), "HTTP 429"),
        "throttled_date": Misfortune(response(b"no", 429, retry_after=later), "HTTP 429, retry a"),
        "throttled_ages": Misfortune(response(b"no", 429, retry_after="9" * 5_000), "HTTP 429"),
        "throttled_oddly": Misfortune(
            response(b"no", 429, retry_after=f"Wed, 30 Oct {'9' * 30} 12:54:01 GMT"), "HTTP 429"
        ),
        "throttled": Misfortune(response(b"no", 429), "HTTP 429"),
        "broken": Misfortune(response(b"oops", 500), "HTTP 500"),
        "away": Misfortune(response(b"later", 503), "HTTP 503"),
        "echo": Misfortune(ByHead(echo), "HTTP 400"),
        "gone": Misfortune(response(b"who?", 404), "HTTP 404"),
        "truncated": Misfortune(response(GOOD, length=99), "cut short"),
        "truncated_chunks": Misfortune(CHUNKED + b"5\r\n1\n2\n3\r\n", "cut short"),
        "truncated_gzip": Misfortune(response(packed[:-4], content_encoding="gzip"), "truncated)"),
        "broken_gzip": Misfortune(
            response(packed[:-8] + b"?" * 8, content_encoding="gzip"), "compression is broken"
        ),
        "other_encoding": Misfortune(response(GOOD, content_encoding="br"), "'br' was not asked"),
        "silent": Misfortune(never, "too slow"),
        "dripping": Misfortune(drip, "too slow"),
        "dripping_head": Misfortune(drip_of_head, "too slow"),
        "reset": Misfortune(reset, "no answer in 1 attempts"),
        "no_http": Misfortune(b"220 mail.example.org ESMTP\r\n", "cut short, or no proper HTTP"),
        "closed": Misfortune(b"", "cut short, or no proper HTTP"),
        "loop": Misfortune(response(b"", 302, location="/numbers/loop"), "over 5 redirects"),
        "foreign": Misfortune(
            response(b"", 301, location="https://example.org/numbers/a"), "https://example.org"
        ),
        "metadata": Misfortune(
            response(b"", 307, location="http://169.254.169.254/latest"), "http://169.254.169.254"
        ),
        "file": Misfortune(response(b"", 302, location="file:///etc/passwd"), "leads to file:"),
        "nowhere": Misfortune(response(b"", 302, location="http://[::1"), "no proper HTTP"),
        "large": Misfortune(response(b"1\n" * LIMIT), "over 10,000 bytes"),
        "bomb": Misfortune(response(bomb(), content_encoding="gzip"), "over 10,000 bytes"),
        "page": Misfortune(
            response(b"<!doctype html><p>wait", content_type="text/csv"), "a web page came"
        ),
        "picture": Misfortune(
            response(b"\x89PNG\r\n\x1a\n\xff", content_type="image/png"), "fault"
        ),
        "empty": Misfortune(response(b""), "the answer is empty"),
        "drifted": Misfortune(response(b"1\nn/a"), "not a number"),
        "not_finite": Misfortune(response(b"1\nnan"), "NaN or Infinity"),
        "untrusted": Misfortune(response(GOOD), "its certificate is not trusted", encrypted=True),
    }


async def _dripping(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"1")
            await writer.drain()
            await asyncio.sleep(0.02)
