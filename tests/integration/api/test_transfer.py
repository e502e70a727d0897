"""Compressed answers, and pages that a client holds already."""

import gzip
from collections.abc import Callable
from typing import Any

import httpx
import pyarrow as pa
import pytest
import zstandard

from services.api.transfer import choose_coding
from shared.database.base import Database
from tests.api import REGISTRY, observations, store

FRED = REGISTRY["fred_data"]
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("*", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.1, GZIP;q=0.5", "gzip"),
        ("zstd;q=0", None),
        ("gzip;q=x", None),
    ],
)
def test_the_coding_is_the_one_preferred(accepted: str, coding: str | None) -> None:
    assert choose_coding(accepted) == coding


def meaning(query: str, body: bytes) -> Any:
    """Return what two answers have in common: Arrow may be cut into other batches."""
    return pa.ipc.open_stream(body).read_all() if "arrow" in query else body


async def test_compressed_answers_hold_the_same_bytes(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [n / 7 for n in range(20_000)], "1950-01-01"))
    for query in ("format=csv", "format=ndjson&limit=500", "format=arrow", "limit=5000"):
        plain = await client.get(f"/v1/data/fred_data?{query}")
        assert "content-encoding" not in plain.headers
        for coding, decode in DECODE.items():
            asked = client.build_request(
                "GET", f"/v1/data/fred_data?{query}", headers={"Accept-Encoding": coding}
            )
            response = await client.send(asked, stream=True)
            raw = b"".join([part async for part in response.aiter_raw()])
            await response.aclose()
            assert response.headers["content-encoding"] == coding
            assert "Accept-Encoding" in response.headers["vary"]
            assert len(raw) < len(plain.content) / 1.5
            assert meaning(query, decode(raw)) == meaning(query, plain.content)
    packed = await client.get(
        "/v1/data/fred_data?format=parquet", headers={"Accept-Encoding": "gzip"}
    )
    assert "content-encoding" not in packed.headers


async def test_a_page_that_is_held_is_not_sent_again(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [1.0, 2.0, 3.0]))
    path = "/v1/data/fred_data?limit=2"
    tag = (await client.get(path)).headers["etag"]
    for held in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = await client.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "next" in again.links
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    await store(database, FRED, observations("GDP", [9.0]), "2025-01-01T00:00:00Z")
    changed = await client.get(path, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["data"][0]["value"]) == (200, 9.0)
