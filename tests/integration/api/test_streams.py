"""Answers that fail on the way, readers that leave, and bytes that both databases share."""

import asyncio
import datetime as dt
import urllib.error
from collections.abc import AsyncGenerator, Sequence
from http.client import IncompleteRead
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from structlog.testing import capture_logs

from services.api import answer
from services.api.formats.texts import csv_texts
from shared.database.base import Database, Statement
from shared.errors import Transient
from tests.api import REGISTRY, ScriptedDatabase, api_over, observations, store
from tests.strategies import EVERYTHING
from tests.waiting import until

FRED = REGISTRY["fred_data"]
QUERIES = [
    "fred_data",
    "fred_data?order=desc",
    "fred_data?as_of=2024-01-01",
    "fred_data?fields=value",
    "fred_data?revisions=true&order=desc",
    "fred_data?release=first",
    "fred_data?wide=true",
    "fred_data/latest?order=desc",
    "fred_data?series_id=GDP,gdp&start=2000-01-03",
    "everything",
    "everything?order=desc",
    "everything?fields=source,as_of,names,code,confirmed_as_of,kafka_offset",
]


def many(count: int = 40_000) -> pa.RecordBatch:
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    return pa.RecordBatch.from_arrays(
        [
            pa.array(["GDP"] * count),
            pa.array([dt.date(2020, 1, 1)] * count),
            pa.array([1.5] * count),
            pa.array([moment] * count, pa.timestamp("us", "UTC")),
        ],
        ["series_id", "date", "value", "as_of"],
    )


@pytest.mark.parametrize("error", [Transient("gone"), RuntimeError("a fault of ours")])
@pytest.mark.parametrize("chosen", ["csv", "ndjson", "parquet", "arrow"])
async def test_a_stream_that_breaks_is_a_broken_transfer(chosen: str, error: Exception) -> None:
    database = ScriptedDatabase(many(), many(), error)
    with capture_logs() as lines:
        await breaks_off(database, f"/v1/data/fred_data?format={chosen}")
    assert database.closed
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["complete"] for line in requests] == [False, False, True]


async def breaks_off(database: ScriptedDatabase, path: str) -> None:
    async with api_over(database.as_database) as client:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            await client.get(path)
        with pytest.raises((IncompleteRead, urllib.error.URLError)):
            await asyncio.to_thread(pd.read_csv, f"{client.base_url}{path}")
        assert (await client.get("/health")).status_code == 200


async def test_a_reader_that_leaves_ends_its_query() -> None:
    database = ScriptedDatabase(*[many()] * 500)
    async with api_over(database.as_database) as client:
        async with client.stream("GET", "/v1/data/fred_data?format=csv") as response:
            async for _ in response.aiter_bytes():
                break
        await until(lambda: database.closed)


async def test_a_reader_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STALL_SECONDS", 0.2)
    database = ScriptedDatabase(*[many()] * 500)
    async with (
        api_over(database.as_database) as client,
        client.stream("GET", "/v1/data/fred_data?format=csv") as response,
    ):
        assert response.status_code == 200
        await until(lambda: database.closed)


async def test_a_client_of_http_1_0_gets_pages_but_no_stream_it_could_mistake() -> None:
    database = ScriptedDatabase(many(5))
    async with api_over(database.as_database) as client:
        whole = await ask_1_0(client.base_url, "/v1/data/fred_data?format=csv")
        page = await ask_1_0(client.base_url, "/v1/data/fred_data?format=csv&limit=10")
    assert whole.startswith(b"HTTP/1.1 426 ")
    assert b"give a limit" in whole
    assert page.startswith(b"HTTP/1.1 200 ")
    assert page.count(b"GDP") == 5


async def ask_1_0(url: httpx.URL, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answered = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answered


async def test_memory_holds_a_few_batches_of_a_stream() -> None:
    """Count the batches that are read before the reader takes its first."""
    counted = CountingDatabase(many(), 500)
    async with (
        api_over(counted.as_database) as client,
        client.stream("GET", "/v1/data/fred_data?format=csv") as response,
    ):
        assert response.status_code == 200
        before = await stands_still(counted)
        assert before < 20
        taken = 0
        async for part in response.aiter_bytes():
            taken += len(part)
            if taken > 30_000_000:
                break
        assert counted.handed_on > before


async def stands_still(database: "CountingDatabase") -> int:
    seen = -1
    while seen != database.handed_on:
        seen = database.handed_on
        await asyncio.sleep(0.3)
    return seen


class CountingDatabase(ScriptedDatabase):
    """Hands on the same batch again and again, and counts how often."""

    def __init__(self, batch: pa.RecordBatch, times: int) -> None:
        super().__init__(*[batch] * times)
        self.handed_on = 0

    async def stream(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_ms: int | None = None,
        whole: bool = False,
        then: Sequence[Statement] = (),
    ) -> AsyncGenerator[pa.RecordBatch, None]:
        async for batch in super().stream(sql, parameters, timeout_ms=timeout_ms):
            self.handed_on += 1
            yield batch


async def test_a_missing_table_is_a_problem_and_no_200(
    database: Database, client: httpx.AsyncClient
) -> None:
    views = ["fred_data_versions"]
    for name in views:
        await database.execute(f"DROP VIEW {name}")
    if database.backend == "postgresql":
        await database.execute("DROP FUNCTION fred_data_as_of")
    await database.execute("DROP TABLE fred_data")
    for query in ("", "?format=csv", "?format=ndjson&as_of=2020-01-01"):
        response = await client.get(f"/v1/data/fred_data{query}")
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"


async def test_both_databases_answer_the_same_bytes(
    both: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    # DuckDB reads whole tables in stretches, here of a few rows.
    monkeypatch.setattr("services.api.queries.stretch.ROWS", 3)
    keys = [
        "",
        "A",
        "Z",
        "a",
        "z",
        "é",
        "ß",
        "\N{FULLWIDTH LATIN CAPITAL LETTER A}",
        "😀",
        "a b",
        "a-b",
        "a,b",
        'a"b',
        "a\nb",
        "NULL",
    ]
    everything = [odd_row(code, n) for n, code in enumerate(keys) if code]
    figures = [0.1 + 0.2, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 1e15, 1e16, 123456.0, None]
    figures += [1e-4, 1e-5, 1e-7, 1e14, 999999999999999.9, 123456789012345.6, 1e23, 4.35, 1 / 3]
    answers = []
    for database in both:
        for name in ("GDP", "gdp", "^G", "éG"):
            await store(database, FRED, observations(name, figures), "2023-01-01T00:00:00Z")
        await store(database, FRED, observations("GDP", figures[::-1]), "2024-06-01T00:00:00Z")
        await store(database, EVERYTHING, everything, "2024-01-01T00:00:00.000001Z")
        async with api_over(database) as client:
            answers.append(await every_answer(client))
    assert answers[0] == answers[1]
    assert all(body.count(b"\n") > 3 for body in answers[0].values())


async def test_figures_that_postgresql_spells_are_answered_as_those_that_arrow_spells(
    both: list[Database],
) -> None:
    random = np.random.default_rng(7)
    figures = random.standard_normal(10_000) * 10.0 ** random.integers(-8, 18, 10_000)
    figures = np.concatenate([figures, np.round(figures, 2), np.round(figures)])
    figures = figures[np.argsort(np.abs(figures))]
    query = "SELECT x::text AS text FROM unnest($1::float8[]) AS x"
    texts = (await both[1].fetch(query, [figures.tolist()])).column("text").combine_chunks()
    kept = 0
    for first in range(0, len(figures), 500):
        given = pa.chunked_array([texts[first : first + 500]])
        answered = csv_texts(given, FRED.column("value"))
        spelled = pa.array(figures[first : first + 500]).cast(pa.string())
        assert answered.to_pylist() == spelled.to_pylist()
        kept += answered is given
    assert 20 < kept < 50, "some are taken as they are, and some spelled anew"


async def every_answer(client: httpx.AsyncClient) -> dict[str, bytes]:
    found = {}
    for query in QUERIES:
        for name in ("csv", "ndjson"):
            mark = "&" if "?" in query else "?"
            response = await client.get(f"/v1/data/{query}{mark}format={name}")
            assert response.status_code == 200, response.text
            found[f"{query} {name}"] = response.content
    return found


def odd_row(code: str, number: int) -> dict[str, Any]:
    """Return a row of `everything` with content that is easily spelled in two ways."""
    return {
        "code": code,
        "day": ["0002-01-01", "1969-12-31", "9998-12-31"][number % 3],
        "number": (-1) ** number * (2**63 - 1),
        "title": ["", " x ", 'a"b', "a,b", "a\r\nb", "\\", "null"][number % 7],
        "figure": 1 / (number + 3),
        "moment": ["0002-01-01T00:00:00.000001Z", "2024-02-29T23:59:59.5+05:30"][number % 2],
        "flag": number % 2 == 0,
        "names": [[], [""], ["a", 'b"c', "d,e"]][number % 3],
        "label": [None, code][number % 2],
        "note": [None, "", "x"][number % 3],
        "ratio": [None, 1e300, -1e-300][number % 3],
        "count": [None, number][number % 2],
        "until": None,
        "seen": [None, "1970-01-01T00:00:00Z"][number % 2],
        "sure": [None, True, False][number % 3],
        "tags": [None, ["x", "y"]][number % 2],
        "unit": None,
        "kind": [None, "k"][number % 2],
        "is_final": True,
        "weight": float(number),
    }


async def test_readers_that_leave_give_their_connections_back(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("GDP", [1.5] * 150_000, "1600-01-01"))
    for _ in range(6):
        async with client.stream("GET", "/v1/data/fred_data?format=csv") as response:
            assert response.status_code == 200
    async with asyncio.timeout(8):
        assert (await client.get("/v1/data/fred_data?limit=1")).status_code == 200
