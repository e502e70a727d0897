"""The API as tools read it: pandas, Polars and DuckDB from a URL, by its length or in parts."""

import asyncio
import datetime as dt
from pathlib import Path

import duckdb
import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from shared.database.base import Database
from tests.api import REGISTRY, observations, store

FRED = REGISTRY["fred_data"]


async def test_head_is_get_without_the_body(database: Database, client: httpx.AsyncClient) -> None:
    await store(database, FRED, observations("GDP", [1.0] * 30_000, "1900-01-01"))
    for query in ("limit=2", "format=csv", "format=parquet", "limit=none", "series_id=G%C3%BC"):
        url = f"/v1/data/fred_data?{query}"
        head, whole = await client.head(url), await client.get(url)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert int(head.headers["content-length"]) == len(whole.content)
        for name in ("content-type", "link", "vary"):
            assert head.headers.get(name) == whole.headers.get(name), name
    # What was begun for them has ended: there are connections left.
    assert (await client.get("/v1/data/fred_data?limit=1")).status_code == 200
    assert (await client.head("/v1/data/ingest/fred_data")).status_code == 405


async def test_parts_of_an_answer_are_of_one_answer(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [1.0, 2.0, 3.0]))
    for query in ("format=csv", "format=csv&limit=2"):
        url = f"/v1/data/fred_data?{query}"
        whole = (await client.get(url)).content
        size = len(whole)

        async def part(bounds: str, url: str = url, **headers: str) -> httpx.Response:
            return await client.get(url, headers={"Range": f"bytes={bounds}", **headers})

        first = await part("0-9")
        assert (first.status_code, first.content) == (206, whole[:10])
        assert first.headers["content-range"] == f"bytes 0-9/{size}"
        changed = [dict(observations("GDP", [9.0])[0])]
        await store(database, FRED, changed, "2025-01-01T00:00:00Z")
        rest = await part("10-")
        assert (rest.content, rest.headers["etag"]) == (whole[10:], first.headers["etag"])
        assert (await part(f"{size - 3}-{size + 99}")).content == whole[-3:]
        assert (await part("0-9", **{"If-Range": '"another"'})).content == whole
        beyond = await part(f"{size}-")
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")
        for odd in ("-", "a-b", "0-1,3-4", "5-2"):
            answer = await part(odd)
            assert answer.status_code in (200, 416), odd
        # Who begins to read reads what is there now.
        now = (await client.get(url)).content
        assert b",9" in now
        assert (await part("-5")).content == now[-5:]
        assert (await part("0-99")).content == now[:100]
        await database.execute("DELETE FROM fred_data")
        await database.execute("DELETE FROM fred_data_revisions")
        await store(database, FRED, observations("GDP", [1.0, 2.0, 3.0]))


async def test_a_reader_reads_the_url(database: Database, client: httpx.AsyncClient) -> None:
    await store(database, FRED, observations("GDP", [1.5, None, 3.0]))
    url = f"{client.base_url}/v1/data/fred_data?format=csv"
    frame = await asyncio.to_thread(pd.read_csv, url, parse_dates=["date", "as_of"])
    assert frame["value"].fillna(-1).tolist() == [1.5, -1, 3.0]
    assert str(frame["as_of"].dtype).endswith("UTC]")
    lines = await asyncio.to_thread(pd.read_json, url.replace("csv", "ndjson"), lines=True)
    assert lines["date"].dt.day.tolist() == [1, 2, 3]
    table = await asyncio.to_thread(pl.read_csv, url, try_parse_dates=True)
    assert table["value"].to_list() == [1.5, None, 3.0]
    assert table["date"].to_list()[2] == dt.date(2000, 1, 3)
    for ask in (url.replace("csv", "parquet"), url.replace("csv", "parquet&limit=3")):
        assert (await asyncio.to_thread(pl.read_parquet, ask))["value"].to_list() == [
            1.5,
            None,
            3.0,
        ]


async def test_a_reader_reads_parquet_and_arrow(
    database: Database, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    await store(database, FRED, observations("GDP", [1.5, None, 3.0]))
    url = f"{client.base_url}/v1/data/fred_data"
    frame = await asyncio.to_thread(pd.read_parquet, f"{url}?format=parquet")
    assert frame["value"].fillna(-1).tolist() == [1.5, -1, 3.0]
    assert str(frame["as_of"].dtype).endswith("UTC]")
    downloaded = tmp_path / "answer.parquet"
    downloaded.write_bytes((await client.get(f"{url}?format=parquet")).content)
    found = duckdb.execute(f"SELECT max(date)::text, sum(value) FROM '{downloaded}'").fetchall()
    assert found == [("2000-01-03", 4.5)]
    arrow = await client.get(url, headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert pa.ipc.open_stream(arrow.content).read_all() == pq.read_table(downloaded)
