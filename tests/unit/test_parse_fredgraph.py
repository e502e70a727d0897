"""FRED's graph downloads: headers old and new, missing values, several series, a refusal."""

from typing import Any

import pytest
from pydantic import SecretStr

from services.fetcher.answer import Answer, UnreadableAnswer, UpstreamError, query_of
from services.fetcher.sources.fredgraph import SOURCE
from services.fetcher.watchlist.file import Watchlist
from shared.settings import Settings
from tests.unit.answers import answer

GRAPH = "https://fred.stlouisfed.org/graph/fredgraph.csv"


def graph(text: str, ids: str = "DFF", status: int = 200) -> Answer:
    return answer(f"{GRAPH}?id={ids}", text.encode(), status)


def values(found: Answer) -> list[tuple[Any, ...]]:
    tables = [rows.table for rows in SOURCE.parse(found).rows]
    return [tuple(map(str, row.values())) for table in tables for row in table.to_pylist()]


@pytest.mark.parametrize("header", ["DATE", "observation_date"])
@pytest.mark.parametrize("missing", ["", "."])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_old_and_new_files_of_one_series(header: str, missing: str, end: str) -> None:
    text = end.join([f"{header},DFF", "1954-07-01,1.13", f"1954-07-02,{missing}", ""])
    assert values(graph(text)) == [
        ("DFF", "1954-07-01", "1.13"),
        ("DFF", "1954-07-02", "None"),
    ]


def test_among_several_series_a_missing_value_is_no_observation() -> None:
    found = graph("DATE,GDP,DFF\n2024-01-01,1,2\n2024-01-02,,3\n2024-01-03,.,\n", "GDP,DFF")
    assert values(found) == [
        ("GDP", "2024-01-01", "1.0"),
        ("DFF", "2024-01-01", "2.0"),
        ("DFF", "2024-01-02", "3.0"),
    ]
    assert SOURCE.parse(found).skipped == {"no value among several series": 3}


def test_series_are_told_by_their_names_whatever_stands_where() -> None:
    found = graph("DATE,NEW,DFF,GDP\n2024-01-01,,2,1\n2024-01-02,5,,3\n", "GDP,DFF")
    assert values(found) == [
        ("GDP", "2024-01-01", "1.0"),
        ("GDP", "2024-01-02", "3.0"),
        ("DFF", "2024-01-01", "2.0"),
    ]
    assert SOURCE.parse(found).warnings == ["new column 'NEW' in FRED's graph data"]


def test_beside_a_column_that_nobody_asked_for_an_empty_cell_withdraws_nothing() -> None:
    found = graph("DATE,DFF,NEW\n2024-01-01,1,\n2024-01-02,,2\n")
    assert values(found) == [("DFF", "2024-01-01", "1.0")]


def test_a_refusal_says_what_to_set() -> None:
    with pytest.raises(UpstreamError, match="set FRED_API_KEY"):
        SOURCE.parse(graph("<html>Access Denied</html>", status=403))


def test_a_series_that_does_not_exist_is_said_to() -> None:
    with pytest.raises(UpstreamError, match="series DFF does not exist"):
        SOURCE.parse(graph("<html>not found</html>", status=404))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("date,dff\n2024-01-01,1\n", "the header is not DATE or observation_date"),
        ("DATE\n2024-01-01\n", "the header is not"),
        ("DATE,GDP\n2024-01-01,1\n", "the column DFF has vanished"),
        ("DATE,DFF\n", "no observation"),
        ("DATE,DFF\n2024-01-01,1\n2024-01-", "truncated or malformed"),
        ("DATE,DFF\n2024-01-01,x\n", "'DFF' holds a text that is not a number"),
        ("DATE,DFF\n2024-01-01,nan\n", "NaN"),
        ("DATE,DFF\n2024-13-01,1\n", "not a date"),
        ("DATE,DFF\n,1\n", "empty in a row"),
    ],
)
def test_a_bad_file_is_named(text: str, why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        SOURCE.parse(graph(text))


def test_a_page_in_place_of_data_is_no_file() -> None:
    with pytest.raises(UpstreamError, match="web page"):
        SOURCE.parse(graph("<!DOCTYPE html><html></html>"))


def test_it_stands_in_for_fred_where_there_is_no_key() -> None:
    watchlist = Watchlist({"fred": {"series": ("GDP", "S&P")}})
    assert SOURCE.needed(Settings())
    assert not SOURCE.needed(Settings(fred_api_key=SecretStr("k" * 32)))
    asked = SOURCE.requests(watchlist, Settings(), None)
    assert [query_of(request.url) for request in asked] == [{"id": "GDP"}, {"id": "S&P"}]
    assert all(SOURCE.matches(request.url) and not request.secrets for request in asked)


@pytest.mark.parametrize("url", [f"{GRAPH}?id=GDP&fq=Annual", GRAPH, "https://example.org/", "x"])
def test_what_it_does_not_read_it_does_not_claim(url: str) -> None:
    assert not SOURCE.matches(url)
