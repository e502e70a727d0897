"""A file of rows becomes the values of messages, each with its line, and nothing is guessed."""

import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.records.intake import Form, read_lines, sniff
from shared.datasets.fred_data import DATASET as FRED_DATA
from shared.datasets.yfinance_ohlcv import DATASET as BARS
from shared.decode import rows_to_table
from shared.errors import Fatal, InvalidRecord
from shared.law import MAX_VALUE_BYTES, read_row

Values = list[tuple[int, Any]]


def lines(text: str | bytes, form: Form, dataset: Any = FRED_DATA) -> Values:
    data = text.encode() if isinstance(text, str) else text
    return [
        (line, value if isinstance(value, InvalidRecord) else json.loads(value))
        for line, value in read_lines(io.BytesIO(data), form, dataset)
    ]


def test_csv_columns_come_in_any_order_and_empty_is_null() -> None:
    text = "value,date,series_id\n1.5,2024-01-01,GDP\n\n,2024-02-01,GDP\n"
    assert lines(text, "csv") == [
        (2, {"value": 1.5, "date": "2024-01-01", "series_id": "GDP"}),
        (4, {"value": None, "date": "2024-02-01", "series_id": "GDP"}),
    ]


def test_a_bom_and_windows_line_ends_are_no_data() -> None:
    text = "\ufeffseries_id,date,value\r\nGDP,2024-01-01,1\r\n"
    assert lines(text, "csv") == [(2, {"series_id": "GDP", "date": "2024-01-01", "value": 1})]
    assert lines('\ufeff{"a": 1}\r\n', "ndjson") == [(1, {"a": 1})]


def test_a_line_break_in_a_cell_counts_as_a_line() -> None:
    text = 'series_id,date,value\n"A\nB",2024-01-01,1\nC,2024-01-01,1\n'
    assert [line for line, _ in lines(text, "csv")] == [3, 4]


@pytest.mark.parametrize(
    "cell", ["+1", ".5", "1,5", "0x10", "NaN", "1_000", "1.", "٣", "[1]", "{}"]
)
def test_what_is_no_json_number_stays_text_for_the_law_to_refuse(cell: str) -> None:
    [(_, value)] = lines(f'series_id,date,value\nGDP,2024-01-01,"{cell}"\n', "csv")
    assert value["value"] == cell


@pytest.mark.parametrize(
    ("heading", "named"),
    [("series_id,price", "'price'"), ("date,date,series_id", "'date' twice"), ("", "none")],
)
def test_a_heading_that_does_not_fit_is_refused_with_the_columns_there_are(
    heading: str, named: str
) -> None:
    with pytest.raises(Fatal, match="series_id, date, value") as raised:
        lines(f"{heading}\nGDP,1\n", "csv")
    assert named in str(raised.value)


def test_a_row_of_another_length_is_refused_alone() -> None:
    text = "series_id,date,value\nGDP,2024-01-01\nGDP,2024-01-02,1,2\nGDP,2024-01-03,1\n"
    found = lines(text, "csv")
    assert [line for line, _ in found] == [2, 3, 4]
    assert [isinstance(value, InvalidRecord) for _, value in found] == [True, True, False]


def test_broken_quoting_and_foreign_encodings_end_the_file() -> None:
    with pytest.raises(Fatal, match="line"):
        lines('series_id,date,value\n"GDP"x,2024-01-01,1\n', "csv")
    with pytest.raises(Fatal, match="UTF-8"):
        lines("series_id,date,value\nMünchen,2024-01-01,1\n".encode("latin-1"), "csv")


def test_a_line_longer_than_a_message_may_be_is_refused_unread() -> None:
    long = b'{"series_id": "' + b"x" * MAX_VALUE_BYTES + b'"}\n{"a": 1}\n'
    first, second = lines(long, "ndjson")
    assert isinstance(first[1], InvalidRecord)
    assert second == (2, {"a": 1})


@pytest.mark.parametrize(
    ("text", "form"),
    [('{"a":1}', "ndjson"), ('\ufeff \n {"a"', "ndjson"), ("a,b", "csv"), ("", "ndjson")],
)
def test_the_first_character_tells_the_format(text: str, form: Form) -> None:
    source = io.BytesIO(text.encode())
    assert sniff(source) == form
    assert source.tell() == 0


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
figures = st.none() | st.floats(allow_nan=False, allow_infinity=False)
bars = st.fixed_dictionaries(
    {
        "ticker": texts.filter(lambda text: text == text.strip("\ufeff")),
        "date": st.dates().map(dt.date.isoformat),
        "open": figures,
        "high": figures,
        "low": figures,
        "close": st.floats(allow_nan=False, allow_infinity=False),
        "adj_close": figures,
        "volume": st.none() | st.integers(-(2**63), 2**63 - 1),
        "currency": st.none() | texts,
        "is_final": st.booleans(),
    }
)


@given(st.lists(bars, max_size=5))
def test_rows_written_as_csv_come_back_as_they_were(rows: list[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    names = [column.name for column in BARS.columns]
    writer = csv.DictWriter(text, names, quoting=csv.QUOTE_MINIMAL)
    writer.writeheader()
    for row in rows:
        shown = {name: str(v).lower() if isinstance(v, bool) else v for name, v in row.items()}
        writer.writerow(shown)
    source = io.BytesIO(text.getvalue().encode())
    values = [value for _, value in read_lines(source, "csv", BARS)]
    read = [read_row(BARS, value) for value in values if isinstance(value, bytes)]
    meant = [read_row(BARS, json.dumps(row).encode()) for row in rows]
    assert rows_to_table(BARS, read).equals(rows_to_table(BARS, meant))
