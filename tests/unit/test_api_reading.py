"""What a query string asks for, and the parameter that each mistake is blamed on."""

import datetime as dt

import pytest

from services.api.formats import FORMATS, negotiate
from services.api.parameters import COMMON
from services.api.problems import Problem
from services.api.reading import read_request
from services.api.view import rows_of
from shared.dataset import QUERY_PARAMETERS
from shared.registry import discover

REGISTRY = discover()


def test_what_a_read_is_without_parameters() -> None:
    read = read_request(rows_of(REGISTRY["fred_data"]), [], "")
    assert [c.name for c in read.columns] == ["series_id", "date", "value", "as_of"]
    assert (read.format.name, read.limit, read.as_of, read.after) == ("json", 1000, None, None)


def test_whole_formats_have_no_limit_of_their_own() -> None:
    whole = dict.fromkeys(("csv", "ndjson", "parquet", "arrow"))
    for name, limit in [*whole.items(), ("json", 1000)]:
        assert read_request(rows_of(REGISTRY["fred_data"]), [("format", name)], "").limit == limit


def test_a_dataset_without_versions_has_no_as_of() -> None:
    names = [c.name for c in read_request(rows_of(REGISTRY["data_refresh_log"]), [], "").columns]
    assert names == [c.name for c in REGISTRY["data_refresh_log"].columns]


def test_filters_are_typed_by_their_column() -> None:
    items = [
        ("ticker", "AAPL,MSFT"),
        ("ticker", "^GSPC"),
        ("is_final", "true"),
        ("date", "2020-01-02"),
    ]
    read = read_request(rows_of(REGISTRY["yfinance_ohlcv"]), items, "")
    assert {f.column.name: f.values for f in read.filters} == {
        "ticker": ("AAPL", "MSFT", "^GSPC"),
        "date": (dt.date(2020, 1, 2),),
        "is_final": (True,),
    }


def test_fields_are_answered_in_the_order_they_are_named() -> None:
    read = read_request(rows_of(REGISTRY["fred_data"]), [("fields", "value,kafka_offset,date")], "")
    assert [c.name for c in read.columns] == ["value", "kafka_offset", "date"]


@pytest.mark.parametrize(
    ("dataset", "name", "text", "said"),
    [
        ("fred_data", "ticker", "AAPL", "series_id"),
        ("fred_data", "Limit", "5", "limit"),
        ("fred_data", "value", "1", "series_id"),
        ("fred_data", "limit", "0", "100,000"),
        ("fred_data", "limit", "100001", "100,000"),
        ("fred_data", "limit", "-1", "100,000"),
        ("fred_data", "limit", "1e3", "100,000"),
        ("fred_data", "limit", "9" * 5000, "100,000"),
        ("fred_data", "limit", "٣", "100,000"),
        ("fred_data", "start", "yesterday", "2008-10-30"),
        ("fred_data", "end", "2020-02-30", "calendar"),
        ("fred_data", "as_of", "2020-01-01T00:00:00", "zone"),
        ("fred_data", "fields", "value,nope", "series_id"),
        ("fred_data", "fields", "value,value", "twice"),
        ("fred_data", "fields", "", "empty"),
        ("fred_data", "order", "date", "asc, desc"),
        ("fred_data", "cursor", "made-up", "not a cursor"),
        ("fred_data", "format", "xml", "json, csv, ndjson, parquet, arrow"),
        ("fred_data", "date", "2020", "not a date"),
        ("fred_data", "series_id", "", "empty"),
        ("fred_series", "start", "2020-01-01", "no time column"),
        ("data_refresh_log", "as_of", "2020-01-01", "keeps no versions"),
        ("yfinance_ohlcv", "is_final", "yes", "neither true nor false"),
    ],
)
def test_mistakes_name_their_parameter(dataset: str, name: str, text: str, said: str) -> None:
    with pytest.raises(Problem) as caught:
        read_request(rows_of(REGISTRY[dataset]), [(name, text)], "")
    assert (caught.value.status, caught.value.members["parameter"]) == (422, name)
    assert said in caught.value.detail
    assert len(caught.value.detail) < 600


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(Problem, match="limit: given more than once"):
        read_request(rows_of(REGISTRY["fred_data"]), [("limit", "1"), ("limit", "2")], "")


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("application/x-ndjson", "ndjson"),
        ("application/jsonl", "ndjson"),
        ("application/vnd.apache.parquet", "parquet"),
        ("application/vnd.apache.arrow.stream, */*;q=0.1", "arrow"),
        ("application/json;q=0.5, text/csv", "csv"),
        ("text/csv;q=0.5, application/json;q=0.9", "json"),
        ("*/*, text/csv", "csv"),
        ("text/csv, application/json", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/json;q=0, */*", "csv"),
        ("application/pdf", None),
        ("text/csv;q=0", None),
        ("text/csv;q=nan", None),
        ("text/csv;q=x", None),
    ],
)
def test_accept(accept: str, name: str | None) -> None:
    chosen = negotiate(accept)
    assert (chosen and chosen.name) == name


def test_the_format_parameter_wins_over_accept() -> None:
    read = read_request(rows_of(REGISTRY["fred_data"]), [("format", "csv")], "application/pdf")
    assert read.format is FORMATS["csv"]


def test_an_accept_header_that_takes_nothing_we_have() -> None:
    with pytest.raises(Problem) as caught:
        read_request(rows_of(REGISTRY["fred_data"]), [], "application/pdf")
    assert caught.value.status == 406
    assert "text/csv" in caught.value.detail


def test_every_parameter_is_one_that_no_filter_may_be_called() -> None:
    assert {parameter.name for parameter in COMMON} <= QUERY_PARAMETERS
