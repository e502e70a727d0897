"""The law reads one message strictly: what it takes, what it refuses, and what it says."""

import datetime as dt
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dataset import Dataset
from shared.decode import rows_to_table
from shared.errors import InvalidRecord
from shared.law import MAX_VALUE_BYTES, read_row
from shared.registry import discover
from tests.strategies import EVERYTHING, examples, odd_values, rows
from tests.strategies.messages import documents, written

DATASETS = [*discover(), EVERYTHING]
BARS = discover()["yfinance_ohlcv"]
BAR: dict[str, Any] = {
    "ticker": "AAPL",
    "date": "2020-01-31",
    "open": 1.5,
    "high": None,
    "low": 1,
    "close": 2,
    "adj_close": -0.0,
    "volume": 7,
    "currency": "USD",
    "is_final": False,
}
FULL = json.dumps(BAR).encode()


def bar(**changes: Any) -> bytes:
    return json.dumps(BAR | changes).encode()


def without(name: str) -> bytes:
    return json.dumps({field: given for field, given in BAR.items() if field != name}).encode()


def raw(name: str, token: bytes) -> bytes:
    return written(
        [(n.encode(), token if n == name else json.dumps(v).encode()) for n, v in BAR.items()]
    )


def refusal(value: bytes | None, dataset: Dataset = BARS) -> tuple[str, str | None]:
    with pytest.raises(InvalidRecord) as caught:
        read_row(dataset, value)
    return caught.value.code, caught.value.field


def told(value: bytes | None) -> list[str]:
    """Return the texts of the error that a value raises, none where it is a row."""
    try:
        read_row(EVERYTHING, value)
    except InvalidRecord as error:
        return [error.code, error.reason, str(error), error.field or ""]
    return []


def test_a_row_has_the_values_of_its_message() -> None:
    row = read_row(BARS, FULL).model_dump()
    assert row == BAR | {"date": dt.date(2020, 1, 31)}
    assert [type(row[name]) for name in ("open", "low", "volume")] == [float, float, int]
    assert str(row["adj_close"]) == "-0.0"


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(BAR, indent=2).encode(),
        b"\r\n\t " + FULL + b"\n",
        raw("ticker", b'"\\u0041\\u0041PL"').replace(b'"\\u0041\\u0041PL"', b'"\\u0041APL"'),
        FULL.replace(b'"date"', b'"d\\u0061te"'),
        FULL.replace(b"1.5", b"15E-1"),
    ],
)
def test_json_may_be_written_in_any_way(value: bytes) -> None:
    assert read_row(BARS, value) == read_row(BARS, FULL)


def test_a_field_left_out_means_its_declared_default_or_is_refused() -> None:
    assert read_row(BARS, without("is_final")).model_dump()["is_final"] is True
    assert read_row(BARS, without("currency")).model_dump()["currency"] is None
    for name in BAR.keys() - {"is_final", "currency"}:
        assert refusal(without(name)) == ("missing", name)


def test_null_is_a_value_where_the_column_has_it_and_refused_elsewhere() -> None:
    assert read_row(BARS, bar(open=None, currency=None)).model_dump()["open"] is None
    assert refusal(bar(close=None)) == ("float_type", "close")
    assert refusal(bar(ticker=None)) == ("string_type", "ticker")
    assert refusal(bar(date=None)) == ("date_type", "date")
    assert refusal(bar(is_final=None)) == ("bool_type", "is_final")


@pytest.mark.parametrize(
    ("value", "code", "field"),
    [
        (None, "tombstone", None),
        (b"", "empty", None),
        (b" \n", "empty", None),
        (b"{", "not_json", None),
        (FULL + FULL, "not_json", None),
        (FULL[:40], "not_json", None),
        (FULL[40:], "not_json", None),
        (FULL[:-1] + b",}", "not_json", None),
        (raw("ticker", b'"a\nb"'), "not_json", None),
        (raw("ticker", b'"a\x00b"'), "not_json", None),
        (b"null", "not_an_object", None),
        (b"[" + FULL + b"]", "not_an_object", None),
        (b"\xef\xbb\xbf" + FULL, "bom", None),
        (raw("ticker", b'"\xff"'), "not_utf8", None),
        (raw("ticker", b'"\xed\xa0\x80"'), "not_utf8", None),
        (FULL.decode().encode("utf-16"), "not_utf8", None),
        (raw("ticker", b'"\\ud800"'), "surrogate", "ticker"),
        (raw("ticker", b'"a\\u0000"'), "nul", "ticker"),
        (FULL[:-1] + b',"\\u0000":1}', "nul", ""),
        (FULL[:-1] + b',"close":2}', "duplicate_key", "close"),
        (FULL[:-1] + b',"clos\\u0065":2}', "duplicate_key", "close"),
        (bar(extra=1), "extra_forbidden", "extra"),
        (bar(extra={"deep": [{}]}), "extra_forbidden", "extra"),
        (b'{"a":' * 100_000, "too_deep", None),
        (b"[" * 100_000, "too_deep", None),
        (b" " * MAX_VALUE_BYTES + FULL, "too_large", None),
        (raw("close", b"NaN"), "not_finite", None),
        (raw("close", b"-Infinity"), "not_finite", None),
        (raw("close", b"1e400"), "not_finite", None),
        (raw("close", b"true"), "float_type", "close"),
        (raw("close", b'"1"'), "float_type", "close"),
        (raw("close", b"18446744073709551616"), "integer_too_large", None),
        (raw("volume", b"9223372036854775808"), "integer_too_large", None),
        (raw("volume", b"-9223372036854775809"), "integer_too_large", None),
        (raw("volume", b"9" * 5_000), "integer_too_large", None),
        (raw("volume", b"1.5"), "int_type", "volume"),
        (raw("volume", b"1.0"), "int_type", "volume"),
        (raw("volume", b"1e3"), "int_type", "volume"),
        (raw("volume", b"true"), "int_type", "volume"),
        (raw("volume", b'"1"'), "int_type", "volume"),
        (raw("volume", b"01"), "not_json", None),
        (raw("ticker", b"1"), "string_type", "ticker"),
        (raw("is_final", b"1"), "bool_type", "is_final"),
        (bar(ticker=""), "string_too_short", "ticker"),
        (bar(ticker="x" * 201), "string_too_long", "ticker"),
        (bar(date="2023-02-29"), "date_from_datetime_parsing", "date"),
        (bar(date="0000-01-01"), "date_from_datetime_parsing", "date"),
        (bar(date="10000-01-01"), "wrong_format", "date"),
        (bar(date="2024-01-01T00:00:00"), "wrong_format", "date"),
        (bar(date="1704067200"), "wrong_format", "date"),
        (bar(date=1704067200), "date_type", "date"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(value: bytes | None, code: str, field: str | None) -> None:
    found = refusal(value)
    if code == "date_from_datetime_parsing":
        assert found[1] == field
    else:
        assert found == (code, field)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01T00:00:00Z", dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        ("2024-01-01T01:00:00.5+02:00", dt.datetime(2023, 12, 31, 23, 0, 0, 500_000, dt.UTC)),
        ("0001-01-01T00:00:00Z", dt.datetime.min.replace(tzinfo=dt.UTC)),
        ("9999-12-31T23:59:59.999999Z", dt.datetime.max.replace(tzinfo=dt.UTC)),
        *[
            (text, None)
            for text in (
                "2024-01-01T00:00:00",
                "2024-01-01T00:00:00.1234567Z",
                "2024-01-01 00:00:00Z",
                "2024-01-01",
                "2024-01-01T24:00:00Z",
                "2024-01-01T00:00:00+25:00",
                "0000-01-01T00:00:00Z",
                "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00",
                "10000-01-01T00:00:00Z",
                "1704067200",
            )
        ],
    ],
)
def test_moments_name_their_zone_and_lie_in_years_1_to_9999(
    text: str, moment: dt.datetime | None
) -> None:
    log = discover()["data_refresh_log"]
    value = {"run_id": "r", "data_type": "d", "refresh_time": text, "status": "ok"}
    rest = {"records_updated": 0, "error_message": None, "duration_seconds": None}
    encoded = json.dumps(value | rest).encode()
    if moment is None:
        assert refusal(encoded, log)[1] == "refresh_time"
    else:
        assert read_row(log, encoded).model_dump()["refresh_time"] == moment


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda d: d.name)
@examples(40)
@given(data=st.data())
def test_every_row_can_be_written_and_read(dataset: Dataset, data: st.DataObject) -> None:
    row = data.draw(rows(dataset))
    texts = {n: v.isoformat() if isinstance(v, dt.date) else v for n, v in row.items()}
    read = rows_to_table(dataset, [read_row(dataset, json.dumps(texts).encode())])
    expected = pa.Table.from_pylist([row], schema=dataset.arrow_schema)
    assert repr(read.to_pylist()) == repr(expected.to_pylist())


@examples(100)
@given(value=st.none() | st.binary() | st.text().map(str.encode) | odd_values(EVERYTHING))
def test_a_value_is_a_row_or_an_error_that_any_database_can_store(value: bytes | None) -> None:
    for text in told(value):
        assert "\0" not in text
        assert len(text.encode()) < 1_000


@examples(100)
@given(data=st.data())
def test_an_error_does_not_repeat_the_value(data: st.DataObject) -> None:
    fields = data.draw(documents(EVERYTHING))
    place = data.draw(st.integers(0, len(fields) - 1))
    planted = st.sampled_from([b'"XPLANTEDX"', b'["XPLANTEDX"]', b"XPLANTEDX", b'{"XPLANTEDX":1}'])
    fields[place] = (fields[place][0], data.draw(planted))
    assert "PLANTED" not in " ".join(told(written(fields)))
