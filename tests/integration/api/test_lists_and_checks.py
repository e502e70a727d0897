"""Lists of texts and flagged rows: stored, changed, filtered and counted alike on both stores."""

import json
from typing import Any

import httpx
import pytest

from shared.database.base import Database
from tests.api import REGISTRY, store

NEWS, VIX = REGISTRY["news_articles"], REGISTRY["cboe_vix_history"]
MONDAY, TUESDAY = "2024-07-01T12:00:00Z", "2024-07-02T12:00:00Z"


def article(number: int, tickers: list[str], **changed: Any) -> dict[str, Any]:
    plain = {
        "article_id": f"id-{number}", "publisher": "Reuters", "title": f"Number {number}",
        "summary": None, "url": "https://a.example", "published_at": "2024-07-01T10:00:00Z",
        "language": "en", "tickers": tickers, "story_id": None,
    }  # fmt: skip
    return plain | changed


async def ids(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/data/news_articles?{query}")
    assert answer.status_code == 200, answer.text
    return [row["article_id"] for row in answer.json()["data"]]


@pytest.fixture
async def stored(database: Database) -> None:
    lists = [["AAPL", "MSFT"], ["AAPL"], [], ['a "quoted", one', "back\\slash"]]
    await store(database, NEWS, [article(n, tickers) for n, tickers in enumerate(lists)], MONDAY)


@pytest.mark.usefixtures("stored")
async def test_articles_are_found_by_the_tickers_they_contain(client: httpx.AsyncClient) -> None:
    assert await ids(client, "tickers=AAPL") == ["id-0", "id-1"]
    assert await ids(client, "tickers=AAPL&tickers=MSFT") == ["id-0"]
    assert await ids(client, "tickers=NONE") == []
    assert await ids(client, "tickers=AAPL&as_of=2024-07-01T13:00:00Z") == ["id-0", "id-1"]


@pytest.mark.usefixtures("stored")
async def test_every_format_gives_the_list_as_it_is(client: httpx.AsyncClient) -> None:
    url = "/v1/data/news_articles?fields=tickers&format="
    page = (await client.get(url + "json")).json()["data"]
    lines = [json.loads(line) for line in (await client.get(url + "ndjson")).text.splitlines()]
    lists = [row["tickers"] for row in page]
    assert lists == [["AAPL", "MSFT"], ["AAPL"], [], ['a "quoted", one', "back\\slash"]]
    assert [row["tickers"] for row in lines] == lists
    assert (await client.get(url + "csv")).text.splitlines()[2].endswith('"[""AAPL""]"')


@pytest.mark.usefixtures("stored")
async def test_a_list_that_makes_no_version_is_changed_in_place(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, NEWS, [article(0, ["NVDA", "TSLA"]), article(2, ["X"])], TUESDAY)
    assert await ids(client, "tickers=NVDA") == ["id-0"]
    assert await ids(client, "tickers=X") == ["id-2"]
    revisions = await database.fetch("SELECT count(*) AS n FROM news_articles_revisions")
    assert revisions["n"].to_pylist() == [0]


@pytest.mark.usefixtures("stored")
async def test_a_revision_keeps_its_list(database: Database) -> None:
    await store(database, NEWS, [article(0, [], title="Changed")], TUESDAY)
    found = await database.fetch("SELECT title, tickers FROM news_articles_revisions")
    assert found.to_pylist() == [{"title": "Number 0", "tickers": ["AAPL", "MSFT"]}]


async def test_flagged_rows_are_stored_and_counted_in_the_catalogue(
    database: Database, client: httpx.AsyncClient
) -> None:
    candle = {"symbol": "VIX", "date": "2024-07-01", "open": 2, "high": 3, "low": 1, "close": 2}
    rows = [candle, {**candle, "date": "2024-06-28", "close": 9}, {**candle, "date": "2024-07-03"}]
    await store(database, VIX, rows, MONDAY)
    entry = (await client.get("/v1/datasets/cboe_vix_history")).json()
    assert entry["rows"] == 3
    assert entry["flagged"] == {"impossible_candle": 1, "negative": 0, "in_future": 1}
    conditions = {check["name"]: check["condition"] for check in entry["checks"]}
    found = await database.fetch(
        f"SELECT date FROM cboe_vix_history WHERE {conditions['impossible_candle']}"
    )
    assert [str(day) for day in found["date"].to_pylist()] == ["2024-06-28"]
    assert (await client.get("/v1/datasets/options_chain")).json()["retention_days"] == 90
