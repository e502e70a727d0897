"""Kinds of versions over HTTP, held against the plainest reading of what was stored when."""

import asyncio
import datetime as dt
import io
from collections import defaultdict
from typing import Any

import httpx
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database.base import Database
from tests.api import REGISTRY, observations, store

FRED = REGISTRY["fred_data"]
VIX = REGISTRY["cboe_vix_history"]
FIRST_DAY = dt.date(2020, 1, 1)
EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
FIXED = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# What was seen when: hour, symbol, day, close. No value twice, so that each is a version.
HISTORIES = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from("AB"), st.integers(0, 4)),
    min_size=1,
    max_size=12,
    unique=True,
).map(lambda seen: [(*what, float(number)) for number, what in enumerate(seen)])
HOURS = st.integers(-1, 201)


def hour(number: int) -> dt.datetime:
    return EPOCH + dt.timedelta(hours=number)


def bar(symbol: str, day: int, close: float) -> dict[str, Any]:
    date = str(FIRST_DAY + dt.timedelta(days=day))
    return {"symbol": symbol, "date": date, "close": close} | dict.fromkeys(("open", "high", "low"))


Key = tuple[str, str]
History = list[tuple[int, str, int, float]]


async def fill(database: Database, history: History) -> dict[Key, list[tuple[dt.datetime, float]]]:
    """Store a history alone, and return the versions of each key, the first known first."""
    for table in (VIX.name, VIX.revisions):
        await database.execute(f"DELETE FROM {table}")
    versions: dict[Key, list[tuple[dt.datetime, float]]] = defaultdict(list)
    for number, symbol, day, close in sorted(history):
        row = bar(symbol, day, close)
        await store(database, VIX, [row], hour(number).isoformat())
        versions[symbol, row["date"]].append((hour(number), close))
    return versions


async def found(client: httpx.AsyncClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    """Return the rows of an answer, read in pages of three."""
    rows: list[dict[str, Any]] = []
    while True:
        response = await client.get(f"/v1/data/{path}", params={"limit": 3, **asked})
        assert response.status_code == 200, response.text
        page = response.json()
        assert ("next" in response.links) == (page["next_cursor"] is not None)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        asked["cursor"] = page["next_cursor"]


def told(rows: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    return [(row["symbol"], row["date"], row["close"]) for row in rows]


def known_at(key: Key) -> dt.datetime:
    assert VIX.known_at is not None
    moment = VIX.known_at({"symbol": key[0], "date": dt.date.fromisoformat(key[1])})
    assert moment is not None
    return moment


@FIXED
@given(history=HISTORIES, asked=HOURS, order=st.sampled_from(["asc", "desc"]))
async def test_every_version_has_its_span(
    database: Database, client: httpx.AsyncClient, history: History, asked: int, order: str
) -> None:
    expected = []
    for key, all_versions in (await fill(database, history)).items():
        known = [version for version in all_versions if version[0] <= hour(asked)]
        ends = [*(moment for moment, _ in known[1:]), *[None][: len(known)]]
        expected += [(*key, v, begin, end) for (begin, v), end in zip(known, ends, strict=True)]
    rows = await found(
        client, "cboe_vix_history", revisions="true", order=order, as_of=hour(asked).isoformat()
    )
    spans = [[row["known_from"], row["known_until"]] for row in rows]
    read = [[moment and dt.datetime.fromisoformat(moment) for moment in span] for span in spans]
    assert [(*row, *span) for row, span in zip(told(rows), read, strict=True)] == sorted(
        expected, key=lambda row: (*row[:2], row[3]), reverse=order == "desc"
    )


@FIXED
@given(history=HISTORIES, asked=st.none() | HOURS)
async def test_the_first_release_is_what_was_known_first(
    database: Database, client: httpx.AsyncClient, history: History, asked: int | None
) -> None:
    versions = await fill(database, history)
    given = {} if asked is None else {"as_of": hour(asked).isoformat()}
    rows = await found(client, "cboe_vix_history", release="first", **given)
    assert told(rows) == [
        (*key, version)
        for key, [(moment, version), *_] in sorted(versions.items())
        if asked is None or moment <= hour(asked)
    ]


@FIXED
@given(history=HISTORIES, asked=HOURS, release=st.sampled_from(["first", "latest"]))
async def test_assumed_believes_the_earliest_version(
    database: Database, client: httpx.AsyncClient, history: History, asked: int, release: str
) -> None:
    moment, expected = hour(asked), {}
    for key, versions in (await fill(database, history)).items():
        observed = [value for as_of, value in versions if as_of <= moment]
        if observed:
            expected[key] = observed[0 if release == "first" else -1]
        elif known_at(key) <= moment:
            expected[key] = versions[0][1]
    given = {"as_of": moment.isoformat(), "as_of_mode": "assumed", "release": release}
    rows = await found(client, "cboe_vix_history", **given)
    assert told(rows) == [(*key, value) for key, value in sorted(expected.items())]
    newest = {symbol: (symbol, day, value) for (symbol, day), value in sorted(expected.items())}
    assert told(await found(client, "cboe_vix_history/latest", **given)) == [*newest.values()]
    await holds_wide(client, expected, **given)


@FIXED
@given(history=HISTORIES, asked=st.none() | HOURS)
async def test_the_latest_row_of_each_entity(
    database: Database, client: httpx.AsyncClient, history: History, asked: int | None
) -> None:
    moment = dt.datetime.max.replace(tzinfo=dt.UTC) if asked is None else hour(asked)
    expected = {}
    for key, versions in sorted((await fill(database, history)).items()):
        if known := [value for as_of, value in versions if as_of <= moment]:
            expected[key] = known[-1]
    given = {} if asked is None else {"as_of": moment.isoformat()}
    newest = {symbol: (symbol, day, value) for (symbol, day), value in expected.items()}
    assert told(await found(client, "cboe_vix_history/latest", **given)) == [*newest.values()]
    backwards = await found(client, "cboe_vix_history/latest", order="desc", limit=1, **given)
    assert told(backwards) == [*newest.values()][::-1]
    early = {s: (s, d, v) for (s, d), v in expected.items() if d <= "2020-01-02"}
    bound = {"end": "2020-01-02", **given}
    assert told(await found(client, "cboe_vix_history/latest", **bound)) == [*early.values()]
    await holds_wide(client, expected, **given)


async def holds_wide(client: httpx.AsyncClient, expected: dict[Key, float], **given: str) -> None:
    symbols = sorted({symbol for symbol, _ in expected})
    days = sorted({day for _, day in expected})
    rows = await found(client, "cboe_vix_history", wide="true", fields="close", **given)
    assert rows == [
        {"date": day} | {symbol: expected.get((symbol, day)) for symbol in symbols} for day in days
    ]


async def test_an_answer_says_which_as_of_it_is(
    database: Database, client: httpx.AsyncClient
) -> None:
    await store(database, VIX, [bar("VIX", 0, 1.0)])
    for name in ("json", "csv", "parquet"):
        asked = {"format": name, "as_of": "2030-01-01"}
        strict = await client.get("/v1/data/cboe_vix_history", params=asked)
        assert strict.headers["as-of"] == "2030-01-01T23:59:59.999999Z"
        assert strict.headers["as-of-mode"] == "strict"
        asked["as_of_mode"] = "assumed"
        assumed = await client.get("/v1/data/cboe_vix_history/latest", params=asked)
        assert assumed.headers["as-of-mode"] == "assumed"
        assert "as-of" not in (await client.get("/v1/data/cboe_vix_history")).headers


async def test_a_reader_reads_a_wide_table(database: Database, client: httpx.AsyncClient) -> None:
    names = ["A", 'b"c', "d,e", "é"]
    for name in names:
        await store(database, FRED, observations(name, [1.5, None, 3.0]))
    url = f"{client.base_url}/v1/data/fred_data?wide=true&format="
    frame = await asyncio.to_thread(pd.read_csv, f"{url}csv", index_col="date")
    assert list(frame.columns) == names
    assert frame["d,e"].fillna(-1).tolist() == [1.5, -1, 3.0]
    parquet = await client.get(f"{url}parquet")
    assert pd.read_parquet(io.BytesIO(parquet.content)).set_index("date").shape == (3, 4)
    lines = (await client.get(f"{url}ndjson")).text.splitlines()
    assert lines[0] == '{"date":"2000-01-01","A":1.5,"b\\"c":1.5,"d,e":1.5,"\\u00e9":1.5}'


async def test_a_wide_table_has_a_bounded_number_of_columns(
    database: Database, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("rows", "wide"):
        monkeypatch.setattr(f"services.api.{module}.MAX_ENTITIES", 2)
    rows = [row for name in "ABC" for row in observations(name, [1.0] * 4)]
    await store(database, FRED, rows)
    response = await client.get("/v1/data/fred_data?wide=true")
    assert (response.status_code, response.json()["parameter"]) == (422, "wide")
    assert "series_id" in response.json()["detail"]
    assert len(await found(client, "fred_data", wide="true", series_id="A,B")) == 4


async def test_a_wide_table_in_many_batches_is_the_table(
    database: Database, client: httpx.AsyncClient
) -> None:
    for number, name in enumerate("ABC"):
        first = str(dt.date(1970, 1, 1) + dt.timedelta(days=number * 100))
        await store(database, FRED, observations(name, [float(n) for n in range(9_000)], first))
    long = await client.get("/v1/data/fred_data?format=parquet")
    expected = pd.read_parquet(io.BytesIO(long.content)).pivot_table(
        values="value", index="date", columns="series_id"
    )
    wide = await client.get("/v1/data/fred_data?format=parquet&wide=true")
    frame = pd.read_parquet(io.BytesIO(wide.content)).set_index("date")
    assert frame.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(frame, expected, check_names=False)


TOGETHER = [
    ("fred_data?as_of_mode=strict", "as_of_mode"),
    ("fred_data?as_of_mode=assumed&as_of=2020-01-01", "as_of_mode"),
    ("fred_data?as_of_mode=maybe&as_of=2020-01-01", "as_of_mode"),
    ("cboe_vix_history?as_of_mode=assumed&as_of=2020-01-01&revisions=true", "as_of_mode"),
    ("fred_data?release=second", "release"),
    ("fred_data?release=first&revisions=true", "release"),
    ("fred_data?revisions=yes", "revisions"),
    ("fred_data?revisions=true&wide=true", "wide"),
    ("fred_data?fields=known_from", "fields"),
    ("fred_series?wide=true", "wide"),
    ("yfinance_ohlcv?wide=true", "fields"),
    ("yfinance_ohlcv?wide=true&fields=open,close", "fields"),
    ("corporate_actions?wide=true&fields=amount", "wide"),
    ("corporate_actions?wide=true&fields=amount&kind=a,b", "wide"),
    ("fred_data/latest?revisions=true", "revisions"),
    ("fred_data/latest?wide=true", "wide"),
    ("data_refresh_log?release=first", "release"),
]


async def test_what_does_not_go_together_is_refused(client: httpx.AsyncClient) -> None:
    for query, parameter in TOGETHER:
        response = await client.get(f"/v1/data/{query}")
        assert (response.status_code, response.json()["parameter"]) == (422, parameter), query
