"""as_of over HTTP, held against the plainest reading of the versions."""

import datetime as dt
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database.base import Database
from tests.api import REGISTRY, observations, store

FRED = REGISTRY["fred_data"]
SERIES = REGISTRY["fred_series"]
EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

# What was published when: hour, which observation, its value.
HISTORIES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 3), st.sampled_from([None, 1.0, 2.0])),
    min_size=1,
    max_size=12,
    unique_by=lambda record: record[:2],
)


def hour(number: int) -> str:
    return (EPOCH + dt.timedelta(hours=number)).isoformat()


async def empty(database: Database) -> None:
    for table in (FRED.name, FRED.revisions):
        await database.execute(f"DELETE FROM {table}")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=HISTORIES, asked=st.integers(-1, 13))
async def test_as_of_is_the_newest_value_known_then(
    database: Database,
    client: httpx.AsyncClient,
    history: list[tuple[int, int, float | None]],
    asked: int,
) -> None:
    await empty(database)
    for number, observed, value in history:
        day = str(dt.date(2000, 1, 1) + dt.timedelta(days=observed))
        await store(database, FRED, observations("GDP", [value], day), hour(number))
    known: dict[str, float | None] = {}
    for number, observed, value in sorted(history):
        if number <= asked:
            known[str(dt.date(2000, 1, 1) + dt.timedelta(days=observed))] = value
    response = await client.get("/v1/data/fred_data", params={"as_of": hour(asked)})
    rows = response.json()["data"]
    assert [(row["date"], row["value"]) for row in rows] == sorted(known.items())
    assert all(
        dt.datetime.fromisoformat(row["as_of"]) <= EPOCH + dt.timedelta(hours=asked) for row in rows
    )


async def test_a_date_means_its_end(database: Database, client: httpx.AsyncClient) -> None:
    await store(database, FRED, observations("GDP", [1.0]), "2008-10-30T23:59:59.999999Z")
    await store(database, FRED, observations("GDP", [2.0]), "2008-10-31T00:00:00Z")

    async def values(as_of: str) -> list[Any]:
        response = await client.get("/v1/data/fred_data", params={"as_of": as_of})
        return [row["value"] for row in response.json()["data"]]

    assert await values("2008-10-29") == []
    assert await values("2008-10-30") == [1.0]
    assert await values("2008-10-30T23:59:59Z") == []
    assert await values("2008-10-31T00:00:00+00:00") == [2.0]
    assert await values("2030-01-01") == [2.0]


async def test_filters_on_values_ask_the_version_that_was_known(
    database: Database, client: httpx.AsyncClient
) -> None:
    row = dict.fromkeys([column.name for column in SERIES.columns]) | {"title": "Output"}
    for series, before, after in [("A", "Quarterly", "Monthly"), ("B", "Monthly", "Monthly")]:
        for frequency, as_of in [(before, "2020-01-01"), (after, "2021-01-01")]:
            known = row | {"series_id": series, "frequency": frequency}
            await store(database, SERIES, [known], f"{as_of}T00:00:00Z")

    async def found(query: str) -> list[str]:
        response = await client.get(f"/v1/data/fred_series?{query}")
        return [row["series_id"] for row in response.json()["data"]]

    assert await found("as_of=2020-06-01&frequency=Quarterly") == ["A"]
    assert await found("as_of=2020-06-01&frequency=Monthly") == ["B"]
    assert await found("as_of=2021-06-01&frequency=Quarterly") == []
    assert await found("as_of=2021-06-01&frequency=Monthly&order=desc") == ["B", "A"]
    assert await found("as_of=2021-06-01&frequency=Monthly&series_id=A") == ["A"]
    assert await found("as_of=2020-06-01&frequency=Monthly&fields=series_id") == ["B"]


async def test_pages_as_of_a_moment_hold_every_row_once(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, FRED, observations("A", [1.0] * 50), "2020-01-01T00:00:00Z")
    await store(database, FRED, observations("B", [1.0] * 50), "2020-06-01T00:00:00Z")
    await store(database, FRED, observations("A", [2.0] * 25), "2020-06-01T00:00:00Z")
    asked = {"as_of": "2020-03-01", "limit": "7"}
    seen = []
    while True:
        page = (await client.get("/v1/data/fred_data", params=asked)).json()
        seen += page["data"]
        # What becomes known now was not known then.
        await store(database, FRED, observations("A", [3.0] * 50), "2022-01-01T00:00:00Z")
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert [row["date"] for row in seen] == [row["date"] for row in observations("A", [1.0] * 50)]
    assert {row["value"] for row in seen} == {1.0}
