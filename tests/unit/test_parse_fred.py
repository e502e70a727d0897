"""FRED: missing values, vintages, pages, changed columns and FRED's own errors."""

import datetime as dt

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Parsed, UnreadableAnswer, UpstreamError, query_of
from services.fetcher.sources.fred import SOURCE
from shared.record import Rows
from tests.strategies.depth import examples
from tests.unit.answers import FETCHED_AT, FRED, answer, observation, observations

GDP = "&realtime_start=1776-07-04&realtime_end=9999-12-31"
DAYS = st.dates(dt.date(1700, 1, 1), dt.date(9999, 12, 31))
FIGURES = st.floats(allow_nan=False, allow_infinity=False)


def rows_of(parsed: Parsed) -> Rows:
    (rows,) = parsed.rows
    return rows


def moments_of(rows: Rows) -> list[dt.datetime]:
    assert rows.as_of is not None
    assert not isinstance(rows.as_of, dt.datetime)
    return list(rows.as_of.to_pylist())


@examples(100)
@given(st.lists(st.tuples(DAYS, st.none() | FIGURES)), st.booleans())
def test_every_observation_becomes_a_row_in_order(
    given_rows: list[tuple[dt.date, float | None]], new_column: bool
) -> None:
    rows = [
        observation(day.isoformat(), "." if value is None else repr(value))
        for day, value in given_rows
    ]
    if new_column:
        rows = [row | {"flag": "x"} for row in rows]
    parsed = SOURCE.parse(observations(rows))
    table = rows_of(parsed).table
    assert table["date"].to_pylist() == [day for day, _ in given_rows]
    assert table["value"].to_pylist() == [value for _, value in given_rows]
    assert set(table["series_id"].to_pylist()) <= {"GDP"}
    assert bool(parsed.warnings) == (new_column and bool(rows))


@examples(100)
@given(st.lists(st.tuples(DAYS, DAYS), min_size=1))
def test_a_vintage_is_known_at_the_end_of_its_day_and_never_after_the_fetch(
    given_rows: list[tuple[dt.date, dt.date]],
) -> None:
    rows = [observation(day.isoformat(), "1", start.isoformat()) for day, start in given_rows]
    moments = moments_of(rows_of(SOURCE.parse(observations(rows, GDP))))
    ends = [dt.datetime.combine(start, dt.time.max, dt.UTC) for _, start in given_rows]
    assert moments == [min(end, FETCHED_AT) for end in ends]


def test_an_ordinary_answer_was_known_when_it_was_fetched() -> None:
    rows = rows_of(SOURCE.parse(observations([observation("2024-07-01", "1", "2024-10-30")])))
    assert rows.as_of == FETCHED_AT


def test_last_modified_says_when_an_ordinary_answer_was_known() -> None:
    body = observations([observation("2024-07-01", "1")]).body
    modified = "Wed, 30 Oct 2024 12:54:01 GMT"
    url = f"{FRED}/observations?series_id=GDP&file_type=json"
    rows = rows_of(SOURCE.parse(answer(url, body, headers={"last-modified": modified})))
    assert rows.as_of == dt.datetime(2024, 10, 30, 12, 54, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("&realtime_start=2015-01-01&realtime_end=2015-01-01", {}),
        ("&vintage_dates=2015-01-01", {}),
        ("&output_type=4", {"output_type": 4}),
        ("", {"realtime_start": "1776-07-04"}),
    ],
)
def test_figures_of_an_asked_day_are_not_taken_for_todays(
    query: str, document: dict[str, object]
) -> None:
    """Otherwise an old figure, fetched today, would pass for the current one."""
    row = observation("2014-07-01", "1", "2015-01-01")
    (moment,) = moments_of(rows_of(SOURCE.parse(observations([row], query, **document))))
    assert moment == dt.datetime(2015, 1, 1, 23, 59, 59, 999999, tzinfo=dt.UTC)


def test_a_page_asks_for_the_next() -> None:
    rows = [observation("2024-07-01", "1")] * 3
    first = SOURCE.parse(observations(rows, "&limit=3", count=7, offset=3))
    (following,) = first.more
    assert query_of(following.url) == {
        "series_id": "GDP",
        "file_type": "json",
        "limit": "3",
        "offset": "6",
    }
    assert not SOURCE.parse(observations(rows, "&limit=3", count=6, offset=3)).more


def test_figures_that_fred_transformed_are_not_the_series() -> None:
    rows = [observation("2024-07-01", "1")]
    assert SOURCE.parse(observations(rows, "&units=pch", units="pch")).skipped == {
        "transformed by FRED (units=pch)": 1
    }
    assert SOURCE.parse(observations(rows, "&frequency=a")).records == 0


@pytest.mark.parametrize("column", ["date", "value"])
def test_a_vanished_column_is_named(column: str) -> None:
    rows = [observation("2024-07-01", "1"), observation("2024-10-01", "1")]
    del rows[1][column]
    with pytest.raises(UnreadableAnswer, match=f"'{column}' .* has vanished"):
        SOURCE.parse(observations(rows))


def test_a_vanished_vintage_is_named() -> None:
    row = {"date": "2024-07-01", "value": "1"}
    with pytest.raises(UnreadableAnswer, match=r"'realtime_start' .* has vanished"):
        SOURCE.parse(observations([row], GDP))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (observation("2024-07-01", "n/a"), "'value' holds a text that is not a number"),
        (observation("2024-07-01", "NaN"), "'value' holds NaN or Infinity"),
        (observation("2024-07-01", "1e999"), "'value' holds NaN or Infinity"),
        (observation("07/01/2024", "1"), "'date' holds a text that is not a date"),
        (observation("2024-02-30", "1"), "'date' holds a text that is not a date"),
        ({**observation("2024-07-01", "1"), "value": 1.5}, "'value' holds something"),
        ({**observation("2024-07-01", "1"), "date": None}, "'date' is missing in 1 rows"),
    ],
)
def test_a_bad_value_fails_the_answer(row: dict[str, object], message: str) -> None:
    with pytest.raises(UnreadableAnswer, match=message):
        SOURCE.parse(observations([observation("2024-04-01", "1"), row]))


def test_the_upstreams_error_is_said_in_its_own_words() -> None:
    body = b'{"error_code":400,"error_message":"Bad Request.  The series does not exist."}'
    for status in (400, 200):
        with pytest.raises(UpstreamError, match=r"FRED answered 400: .*does not exist"):
            SOURCE.parse(answer(f"{FRED}/observations?series_id=NOPE", body, status))


@examples(100)
@given(st.data())
def test_a_truncated_body_is_never_read(data: st.DataObject) -> None:
    whole = observations([observation("2024-07-01", "1.5"), observation("2024-10-01", ".")])
    cut = data.draw(st.integers(0, len(whole.body) - 1))
    with pytest.raises(UnreadableAnswer, match=r"truncated|malformed|empty"):
        SOURCE.parse(answer(whole.url, whole.body[:cut]))


def series(**changed: object) -> bytes:
    fields = {
        "id": "GDP",
        "realtime_start": "2024-11-03",
        "realtime_end": "2024-11-03",
        "title": "Gross Domestic Product",
        "observation_start": "1947-01-01",
        "observation_end": "2024-07-01",
        "frequency": "Quarterly",
        "frequency_short": "Q",
        "units": "Billions of Dollars",
        "units_short": "Bil. of $",
        "seasonal_adjustment": "Seasonally Adjusted Annual Rate",
        "seasonal_adjustment_short": "SAAR",
        "last_updated": "2024-10-30 07:54:01-05",
        "popularity": 93,
    } | changed
    kept = {name: value for name, value in fields.items() if value != "gone"}
    return orjson.dumps(
        {"realtime_start": "2024-11-03", "realtime_end": "2024-11-03", "seriess": [kept]}
    )


def test_a_description_has_its_update_in_utc_and_null_for_missing_notes() -> None:
    parsed = SOURCE.parse(answer(f"{FRED}?series_id=GDP", series()))
    (row,) = rows_of(parsed).table.to_pylist()
    assert row["series_id"] == "GDP"
    assert row["last_updated"] == dt.datetime(2024, 10, 30, 12, 54, 1, tzinfo=dt.UTC)
    assert row["notes"] is None
    assert not parsed.warnings


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"units": "gone"}, "'units' .* has vanished"),
        ({"title": None}, "'title' is missing"),
        ({"last_updated": "yesterday"}, "'last_updated' is not a time"),
        ({"last_updated": "2024-10-30 07:54:01"}, "'last_updated' names no zone"),
    ],
)
def test_a_changed_description_fails(changed: dict[str, object], message: str) -> None:
    with pytest.raises(UnreadableAnswer, match=message):
        SOURCE.parse(answer(f"{FRED}?series_id=GDP", series(**changed)))


@pytest.mark.parametrize(
    "url",
    [
        f"{FRED}/vintagedates?file_type=json",
        f"{FRED}/updates?series_id=GDP&file_type=json",
        f"{FRED}/observations?file_type=json",
        f"{FRED}/observations?series_id=GDP&file_type=xml",
        f"{FRED}/observations?series_id=GDP&output_type=2",
        "https://example.org/fred/series?series_id=GDP",
        "not a url",
    ],
)
def test_what_it_does_not_read_it_does_not_claim(url: str) -> None:
    assert not SOURCE.matches(url)
