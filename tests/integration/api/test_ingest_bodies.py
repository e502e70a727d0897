"""What a body of rows may be, and what becomes of those that are none, or are too much."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.api.ingest import body, intake
from tests.posting import FRED, ROW, Door


async def test_a_body_is_an_object_an_array_or_lines(post: Door) -> None:
    line = json.dumps(ROW)
    tricky = json.dumps(ROW | {"series_id": 'a}\\"{,[\u00e9'}, indent=2)
    bodies: list[tuple[bytes, int]] = [
        (line.encode(), 1),
        (json.dumps(ROW, indent=2).encode(), 1),
        (tricky.encode(), 1),
        (f"[{line},\n {tricky} , {line}]\n".encode(), 3),
        (f"{line}\r\n\r\n{line}".encode(), 2),
        (b"\xef\xbb\xbf" + f"{line}\n{line}\n".encode(), 2),
    ]
    for content, count in bodies:
        for kind in ("application/json", "application/x-www-form-urlencoded", ""):
            answer = await post.post(content, **{"Content-Type": kind})
            assert (answer.status_code, answer.json()["accepted"]) == (202, count), content
    published = [json.loads(record.value or b"") for record in await post.records()]
    assert len(published) == 3 * sum(count for _, count in bodies)
    assert published.count(json.loads(tricky)) == 6


async def test_what_holds_no_row_is_refused_and_publishes_nothing(
    post: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps(ROW)
    monkeypatch.setattr(intake, "GIVE_UP_ROWS", 10_000)
    given_up = (await post.post("{}\n" * 20_500)).json()
    assert (len(given_up["rejected"]), given_up["rejected_count"]) == (1_000, 10_000)
    assert "not judged" in given_up["detail"]
    twice = '{"series_id": "A", "series_id": "B", "date": "2026-01-01", "value": 1}'
    for text in (
        "", " \n", "[]", "nonsense", "[1, 2", f"[{line}", f"[{line}] {line}", f"[{line} {line}]",
        "[" * 60_000, "[" + "9" * 5_000 + "]", "null", '{"series_id":' * 5_000, twice,
        '{"series_id": "A", "date": "2026-01-01", "value": NaN}', "[{}, []]", "\x00", "[\udcff]",
        '{"series_id": "A\\u0000", "date": "2026-01-01", "value": 1e400}',
    ):  # fmt: skip
        answer = await post.post(text.encode(errors="surrogateescape"))
        assert answer.status_code == 422, text[:80]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["accepted"] == 0
        assert "Traceback" not in answer.text
    for kind in ("text/csv", "multipart/form-data; boundary=x", "application/xml"):
        assert (await post.post(line, **{"Content-Type": kind})).status_code == 415
    unheard = await post.post(line, "/v1/data/ingest/unheard")
    assert (unheard.status_code, "fred_data" in unheard.json()["allowed"]) == (404, True)
    for query in (
        "wait=soon", "as_of=yesterday", "as_of=2999-01-01T00:00:00Z", "when=now", "source=",
        "wait=stored&wait=stored",
    ):  # fmt: skip
        assert (await post.post(line, f"{FRED}?{query}")).status_code == 422, query
    for bad in ("", "a b", "\x7f", "x" * 256):
        assert (await post.post(line, **{"Idempotency-Key": bad})).status_code == 422, bad
    assert await post.records() == []


async def begun(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a chunked request."""
    url = door.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {FRED} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {door.key}\r\n"
    writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
    return reader, writer


async def endless(door: Door) -> bytes:
    """Send a body that never ends until there is an answer; return its first line."""
    reader, writer = await begun(door)
    answering = asyncio.create_task(reader.readline())
    while not answering.done():
        writer.write(b"400\r\n" + b" " * 1024 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)
    writer.close()
    return await answering


async def test_bodies_are_capped_as_they_unpack_and_while_they_come(post: Door) -> None:
    cap = post.settings.api_max_body_bytes
    line = json.dumps(ROW).encode() + b"\n"
    fitting = line * (cap // len(line))

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // len(line)):
            yield line

    async def status(content: Any, **headers: str) -> int:
        answer = await post.client.post(FRED, content=content, headers=headers)
        assert answer.status_code == 202 or answer.json()["title"]
        return answer.status_code

    packed = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(200 * cap))
    assert len(bomb) < cap
    assert await status(fitting) == 202
    assert await status(gzip.compress(fitting), **packed) == 202
    assert await status(gzip.compress(line) + gzip.compress(line), **packed) == 202
    assert await status(chunks(cap - len(line))) == 202
    assert await status(fitting + line) == 413
    assert await status(chunks(cap * 20)) == 413
    assert (await endless(post)).startswith(b"HTTP/1.1 413 ")
    assert await status(bomb, **packed) == 413
    assert await status(bomb * 3, **packed) == 413
    for broken in (gzip.compress(fitting)[:-9], b"no gzip", bomb[:20], gzip.compress(line) + b"x"):
        assert await status(broken, **packed) == 422
    assert await status(line, **{"Content-Encoding": "br"}) == 415
    assert (
        sum(1 for _ in await post.records())
        == 2 * len(fitting) // len(line) + 2 + cap // len(line) - 1
    )


async def test_a_sender_that_falls_silent_or_leaves_is_let_go(
    post: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "STALL_SECONDS", 0.3)
    reader, writer = await begun(post)
    writer.write(b'5\r\n{"ser\r\n')
    assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()
    _, leaving = await begun(post)
    leaving.write(b'5\r\n{"ser\r\n')
    leaving.close()
    assert (await post.post(ROW)).status_code == 202
    assert len(await post.records()) == 1
