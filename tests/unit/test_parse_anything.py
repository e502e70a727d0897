"""No body, however odd, may end in anything but rows or one of the two errors of an answer."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Answer, UnreadableAnswer, UpstreamError
from services.fetcher.registry import discover
from shared.record import encode
from tests.strategies.depth import examples
from tests.unit.answers import (
    CHART,
    FRED,
    HISTORY,
    OPTIONS,
    answer,
    chain,
    chart,
    contract,
    observation,
    observations,
)

SOURCES = discover()
URLS = [
    f"{FRED}/observations?series_id=GDP&realtime_start=2000-01-01",
    f"{FRED}?series_id=GDP",
    f"{CHART}/AAPL?interval=1d",
    f"{HISTORY}/VIX_History.csv",
    f"{OPTIONS}/AAPL.json",
    "https://www.ici.org/etf_flows_data_2024.xls",
]
JSON_URLS = [*URLS[:3], URLS[4]]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(given_answer: Answer) -> None:
    """Parse an answer and encode what it says; one of the two errors is as good."""
    source = SOURCES.for_url(given_answer.url)
    assert source is not None
    with suppress(UnreadableAnswer, UpstreamError):
        for rows in source.parse(given_answer).rows:
            assert len(list(encode(rows, "econ."))) == rows.table.num_rows


def paths(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value inside a JSON value."""
    found = [at]
    if isinstance(value, dict):
        found += [way for key, inner in value.items() for way in paths(inner, (*at, key))]
    if isinstance(value, list):
        found += [way for i, inner in enumerate(value) for way in paths(inner, (*at, i))]
    return found


@pytest.mark.parametrize("url", URLS)
@examples(100)
@given(body=st.binary() | st.text().map(str.encode), status=st.sampled_from([200, 404, 503]))
def test_any_bytes(url: str, body: bytes, status: int) -> None:
    read(answer(url, body, status))


@pytest.mark.parametrize("url", JSON_URLS)
@examples(100)
@given(
    document=st.dictionaries(st.sampled_from(["chart", "observations", "seriess", "data"]), JSON)
)
def test_any_json(url: str, document: object) -> None:
    read(answer(url, orjson.dumps(document)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: observations([observation("2024-07-01", "1")] * 2, "&realtime_start=2000-01-01"),
        lambda: chart([0, 86_400], [1.0, 2.0], adjclose=[1.0, 2.0]),
        lambda: chain(contract(), contract("AAPL260821P00330000")),
    ],
    ids=["observations", "chart", "options"],
)
@examples(100)
@given(data=st.data())
def test_a_good_answer_with_any_one_value_replaced(
    make: Callable[[], Answer], data: st.DataObject
) -> None:
    good = make()
    document = orjson.loads(good.body)
    way = data.draw(st.sampled_from(paths(document)[1:]))
    inner = document
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = data.draw(JSON)
    read(answer(good.url, orjson.dumps(document)))


@pytest.mark.parametrize("depth", [1_000, 200_000])
@pytest.mark.parametrize("url", JSON_URLS)
def test_any_depth(url: str, depth: int) -> None:
    read(answer(url, b'{"chart":' * depth + b"1" + b"}" * depth))
