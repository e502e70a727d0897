"""Reads over HTTP from each database: filters, pages, formats, and the catalogue."""

import asyncio
import datetime as dt
import io
import string
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.api.cursor import write_cursor
from services.api.formats import FORMATS
from shared.database.base import Database
from shared.registry import discover
from tests.api import REGISTRY, observations, store

FRED = REGISTRY["fred_data"]
BARS = REGISTRY["yfinance_ohlcv"]
LOG = REGISTRY["data_refresh_log"]


def bar(ticker: str, day: str, **fields: Any) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "adj_close", "volume"), None)
    return {"ticker": ticker, "date": day, "close": 1.0, **prices, "currency": "USD"} | fields


async def pages(
    client: httpx.AsyncClient, path: str, **parameters: Any
) -> AsyncIterator[list[dict[str, Any]]]:
    """Follow the cursors of JSON pages to the last."""
    while True:
        response = await client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        page = response.json()
        assert ("next" in response.links) == (page["next_cursor"] is not None)
        yield page["data"]
        if page["next_cursor"] is None:
            return
        parameters["cursor"] = page["next_cursor"]


async def keys(client: httpx.AsyncClient, query: str) -> list[str]:
    response = await client.get(f"/v1/data/{query}")
    assert response.status_code == 200, response.text
    return ["/".join(list(row.values())[:2]) for row in response.json()["data"]]


async def test_filters(database: Database, client: httpx.AsyncClient) -> None:
    days = ("2020-01-01", "2020-01-02", "2020-01-03")
    await store(database, BARS, [bar(t, d) for t in ("A", "B", "C") for d in days])
    await store(database, BARS, [bar("D", days[0], currency="GBp", is_final=False)])
    rest = ["B/2020-01-01", "B/2020-01-02", "B/2020-01-03"]
    assert await keys(client, "yfinance_ohlcv?ticker=B") == rest
    assert await keys(client, "yfinance_ohlcv?ticker=C,A&date=2020-01-02") == [
        "A/2020-01-02",
        "C/2020-01-02",
    ]
    assert await keys(client, "yfinance_ohlcv?ticker=B&start=2020-01-02") == rest[1:]
    assert await keys(client, "yfinance_ohlcv?ticker=B&end=2020-01-02") == rest[:2]
    assert await keys(client, "yfinance_ohlcv?ticker=B&order=desc") == rest[::-1]
    assert await keys(client, "yfinance_ohlcv?currency=GBp") == ["D/2020-01-01"]
    assert await keys(client, "yfinance_ohlcv?is_final=false&currency=USD,GBp") == ["D/2020-01-01"]
    assert await keys(client, "yfinance_ohlcv?ticker=nothing") == []
    assert await keys(client, "yfinance_ohlcv?start=2021-01-01&end=2020-01-01") == []


async def test_bounds_of_moments_hold_their_whole_day(
    database: Database, client: httpx.AsyncClient
) -> None:
    row = {"data_type": "fred_data", "status": "success", "records_updated": 1}
    rest = {"error_message": None, "duration_seconds": None}
    moments = ["2020-01-01T00:00:00Z", "2020-01-01T23:59:59.999999Z", "2020-01-02T00:00:00Z"]
    runs = [row | rest | {"run_id": f"r{n}", "refresh_time": m} for n, m in enumerate(moments)]
    await store(database, LOG, runs)
    query = "data_refresh_log?fields=run_id,status"
    day = ["r0/success", "r1/success"]
    assert await keys(client, f"{query}&start=2020-01-01&end=2020-01-01") == day
    assert await keys(client, f"{query}&end=2020-01-01T00:00:00Z") == day[:1]
    assert await keys(client, f"{query}&start=2020-01-01T22:00:00-05:00") == []
    assert await keys(client, f"{query}&start=2020-01-01T23:59:59Z&status=success") == [
        "r1/success",
        "r2/success",
    ]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [7, 60, 1000])
async def test_pages_hold_every_row_once_while_rows_arrive(
    database: Database, client: httpx.AsyncClient, limit: int, order: str
) -> None:
    names = ["A", "Z", "a", "é", "😀"]
    await store(database, FRED, [row for n in names for row in observations(n, [1.0] * 12)])
    there = [(name, str(dt.date(2000, 1, day))) for name in names for day in range(1, 13)]
    seen: list[tuple[str, str]] = []
    arriving = iter(range(1000))
    async for page in pages(client, "/v1/data/fred_data", limit=limit, order=order):
        assert len(page) <= limit
        seen += [(row["series_id"], row["date"]) for row in page]
        number = next(arriving)
        new = observations(f"{'AZaé'[number % 4]}{number}", [2.0], "2000-01-05")
        await store(
            database, FRED, [*new, *observations("Z", [2.0], f"1999-{1 + number % 12:02}-01")]
        )
    assert seen == sorted(set(seen), reverse=order == "desc")
    assert [key for key in seen if key in there] == sorted(there, reverse=order == "desc")


async def test_a_cut_answer_says_so_in_every_format(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [float(n) for n in range(10)]))
    for name in FORMATS:
        whole = await client.get("/v1/data/fred_data", params={"format": name})
        assert "link" not in whole.headers
        cut = await client.get("/v1/data/fred_data", params={"format": name, "limit": 4})
        rest = await client.get(
            httpx.URL(cut.url).join(cut.links["next"]["url"]).copy_merge_params({"limit": 6})
        )
        assert "link" not in rest.headers
        if name == "ndjson":
            assert cut.content + rest.content == whole.content
        if name == "parquet":
            bodies = [cut.content, rest.content]
            parts = [pq.read_table(io.BytesIO(body)) for body in bodies]
            assert pa.concat_tables(parts) == pq.read_table(io.BytesIO(whole.content))
        if name == "csv":
            assert cut.text + rest.text.split("\n", 1)[1] == whole.text


async def test_a_cursor_of_another_query_is_refused(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [1.0] * 5))
    cursor = (await client.get("/v1/data/fred_data?limit=2")).json()["next_cursor"]
    same = await client.get("/v1/data/fred_data", params={"cursor": cursor, "fields": "value"})
    assert len(same.json()["data"]) == 3
    for other in ("series_id=GDP", "order=desc", "as_of=2030-01-01", "start=2000-01-01"):
        response = await client.get(f"/v1/data/fred_data?{other}&cursor={cursor}")
        assert (response.status_code, response.json()["parameter"]) == (422, "cursor")


async def test_what_is_no_cursor_no_limit_and_no_text_is_refused(client: httpx.AsyncClient) -> None:
    made = write_cursor("another", ["GDP", dt.date(2000, 1, 1)])
    for query in (
        "cursor=", "cursor=AAAA", f"cursor={made}", "cursor=%00", "limit=0", "limit=100001",
        "limit=1e3", "limit=0000000019999999999", "limit=%D9%A1", "series_id=%ff%fe",
        "series_id=%ED%A0%80", "series_id=a%00", "series_id=a%0ab", "fields=value,value",
        "fields=ctid", "as_of=20081030", "as_of=2008-10-30T12:00:00", "as_of=1225324800",
        "as_of=2008-10-30T23:59:60Z", "as_of=0000-01-01", "as_of=2008-10-30&as_of=2008-10-31",
        "as_of=9999-12-31T23:59:59-14:00", "start=2008", "order=DESC", "wide=1", "format=CSV",
        "series_id=" + "A," * 1_000 + "A",
    ):  # fmt: skip
        response = await client.get(f"/v1/data/fred_data?{query}")
        assert response.status_code == 422, query
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]


async def test_a_cursor_is_taken_as_it_was_given_and_not_otherwise(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("G\u00fcter", [1.0] * 3))
    path = "/v1/data/fred_data?series_id=G\u00fcter&limit=1&cursor="
    cursor = (await client.get(path[:-8])).json()["next_cursor"]
    assert (await client.get(path + cursor)).status_code == 200
    signs = string.ascii_letters + string.digits + "-_=."
    wrong = [cursor[:-1] + sign for sign in signs if sign != cursor[-1]]
    wrong += [cursor + "=", cursor[:-1], f" {cursor}", cursor.swapcase()]
    answers = await asyncio.gather(*(client.get(path + quote(each)) for each in wrong))
    assert {answer.status_code for answer in answers} == {422}


async def test_json_has_a_thousand_rows_and_other_formats_all(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(
        database, FRED, observations("GDP", [float(n) for n in range(25_000)], "1900-01-01")
    )
    page = (await client.get("/v1/data/fred_data")).json()
    assert len(page["data"]) == 1000
    assert page["next_cursor"]
    csv = await client.get("/v1/data/fred_data?format=csv")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert "content-length" not in csv.headers
    frame = pd.read_csv(io.BytesIO(csv.content))
    assert frame["value"].tolist() == [float(n) for n in range(25_000)]
    ndjson = await client.get("/v1/data/fred_data", headers={"Accept": "application/x-ndjson"})
    assert ndjson.headers["content-type"] == "application/x-ndjson"
    assert len(ndjson.text.splitlines()) == 25_000


async def test_the_catalogue_says_what_is_stored(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [1.0, 2.0]), "2024-05-06T07:08:09Z")
    entry = (await client.get("/v1/datasets/fred_data")).json()
    assert (entry["rows"], entry["first"], entry["last"]) == (2, "2000-01-01", "2000-01-02")
    assert entry["newest_as_of"] == "2024-05-06T07:08:09.000000Z"
    assert entry["key"] == ["series_id", "date"]
    assert [field["name"] for field in entry["fields"]] == ["series_id", "date", "value"]
    listed = (await client.get("/v1/datasets")).json()["data"]
    assert {d.name for d in discover()} <= {entry["name"] for entry in listed}
    empty = next(entry for entry in listed if entry["name"] == "yfinance_ohlcv")
    assert (empty["rows"], empty["first"], empty["newest_as_of"]) == (0, None, None)
    units = {field["name"]: field["unit"] for field in empty["fields"]}
    assert units["volume"] == "count"
    versioned = {field["name"] for field in empty["fields"] if not field["versioned"]}
    assert versioned == {"adj_close"}
