"""A CSV with a line of names, read as columns of text or refused as a whole."""

import datetime as dt

import pytest

from services.fetcher.answer import Answer, UnreadableAnswer, UpstreamError
from services.fetcher.parsing.csv_columns import read_csv


def answer(body: str, status: int = 200) -> Answer:
    return Answer("https://a.example/x.csv", status, {}, body.encode(), dt.datetime.now(dt.UTC))


def test_named_columns_come_as_texts_and_empty_cells_as_null() -> None:
    columns, warnings = read_csv(
        answer('\ufeff"date",other, price\r\n2026-01-01,x,"1,5"\r\n2026-01-02,y,\r\n'),
        ["price", "date"],
    )
    assert columns["price"].to_pylist() == ["1,5", None]
    assert columns["date"].to_pylist() == ["2026-01-01", "2026-01-02"]
    assert warnings == ["new column 'other' in the CSV"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("date,value\n2026-01-01,1\n", "the column price has vanished"),
        ("date,price,price\n2026-01-01,1,2\n", "the column price has vanished"),
        ("date,price\n", "no row: truncated"),
        ("date,price\n2026-01-01,1\n2026-01", "truncated or malformed"),
        ("", "empty"),
    ],
)
def test_a_body_that_is_not_that_csv_is_refused(body: str, why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        read_csv(answer(body), ["date", "price"])


@pytest.mark.parametrize(("body", "status"), [("<html>", 200), ("gone", 404)])
def test_an_error_of_the_upstream_is_its_own(body: str, status: int) -> None:
    with pytest.raises(UpstreamError):
        read_csv(answer(body, status), ["date"])
