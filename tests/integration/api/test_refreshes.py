"""The log of refreshes over HTTP from each database: newest first, filtered, in pages."""

from typing import Any

import httpx
import pytest

from shared.database.base import Database
from tests.api import REGISTRY, store

LOG = REGISTRY["data_refresh_log"]


def run(name: str, hour: int, status: str = "success", **fields: Any) -> dict[str, Any]:
    row = {
        "run_id": name, "data_type": "fred_data", "refresh_time": f"2026-01-01T{hour:02}:00:00Z",
        "status": status, "records_updated": 3, "error_message": None, "duration_seconds": 1.5,
    }  # fmt: skip
    return row | fields


@pytest.fixture(autouse=True)
async def stored(database: Database) -> None:
    fred = [run("f1", 1), run("f3", 3, "failed", error_message="away"), run("f2", 2, "partial")]
    bars = [run("y2", 2, data_type="yfinance_ohlcv"), run("y4", 4, data_type="yfinance_ohlcv")]
    await store(database, LOG, fred, source="fred")
    await store(database, LOG, bars, source="yahoo")


async def names(client: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/v1/refreshes{query}")
    assert answer.status_code == 200, answer.text
    return [row["run_id"] for row in answer.json()["data"]]


async def test_the_newest_come_first_with_all_there_is_to_say(client: httpx.AsyncClient) -> None:
    assert await names(client) == ["y4", "f3", "y2", "f2", "f1"]
    page = (await client.get("/v1/refreshes")).json()
    assert page["next_cursor"] is None
    assert page["data"][1] == {
        "run_id": "f3",
        "source": "fred",
        "data_type": "fred_data",
        "refresh_time": "2026-01-01T03:00:00.000000Z",
        "status": "failed",
        "records_updated": 3,
        "error_message": "away",
        "duration_seconds": 1.5,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?source=yahoo", "y4 y2"),
        ("?source=yahoo,fred&status=success", "y4 y2 f1"),
        ("?data_type=fred_data&status=failed&status=partial", "f3 f2"),
        ("?start=2026-01-01T02:00:00Z&end=2026-01-01T03:00:00Z", "f3 y2 f2"),
        ("?end=2025-12-31", ""),
        ("?order=asc&limit=2", "f1 f2"),
        ("?run_id=f2", "f2"),
    ],
)
async def test_filters(client: httpx.AsyncClient, query: str, expected: str) -> None:
    assert await names(client, query) == expected.split()


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_follow_one_another_though_runs_began_together(
    client: httpx.AsyncClient, order: str, limit: int
) -> None:
    url: str | None = f"/v1/refreshes?order={order}&limit={limit}&status=success,partial,failed"
    found: list[str] = []
    while url:
        answer = await client.get(url)
        found += [row["run_id"] for row in answer.json()["data"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None
    assert found == ["y4", "f3", "y2", "f2", "f1"][:: 1 if order == "desc" else -1]


async def test_other_formats_are_given_whole(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/refreshes?format=csv&fields=run_id,records_updated&source=fred")
    assert answer.text.splitlines() == ["run_id,records_updated", "f3,3", "f2,3", "f1,3"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("series_id=GDP", "series_id"),
        ("as_of=2024-01-01", "as_of"),
        ("status=", "status"),
        ("start=yesterday", "start"),
        ("limit=0", "limit"),
        ("order=newest", "order"),
        ("cursor=abc", "cursor"),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, query: str, parameter: str
) -> None:
    answer = await client.get(f"/v1/refreshes?{query}")
    assert answer.status_code == 422
    assert answer.json()["parameter"] == parameter


async def test_a_cursor_of_the_log_s_rows_is_not_one_of_refreshes(
    client: httpx.AsyncClient,
) -> None:
    cursor = (await client.get("/v1/data/data_refresh_log?limit=1")).json()["next_cursor"]
    assert cursor
    assert (await client.get(f"/v1/refreshes?cursor={cursor}")).status_code == 422


async def test_openapi_says_what_may_be_asked(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    given = document["paths"]["/v1/refreshes"]["get"]["parameters"]
    named = {each["name"]: each for each in given}
    assert {"source", "data_type", "status", "start", "end", "limit", "cursor"} <= set(named)
    assert "as_of" not in named
    assert named["order"]["schema"]["default"] == "desc"
