"""Each source against every recorded answer of its upstream: counts and spans of the manifest."""

import ast
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace

import orjson
import pyarrow.compute as pc
import pytest

from services.fetcher.answer import Answer, Parsed, UpstreamError, query_of
from services.fetcher.archive.folder import Archive
from services.fetcher.registry import discover
from shared.moment import end_of_day
from shared.record import Rows
from tests.contract.recorded import ABSENT, FOLDER, WHY_SKIPPED, Recorded, manifest

pytestmark = pytest.mark.skipif(ABSENT, reason=WHY_SKIPPED)

OBSERVATIONS = [
    r for r in manifest("fred/observations", "fred/alfred_vintages") if "vintagedates" not in r.path
]
SERIES = manifest("fred/series_meta")
CHARTS = [
    r for r in manifest("yahoo/chart") if "null_closes" not in r.path and r.records is not None
]
HISTORIES = manifest("cboe/index_history")
SOURCES = discover()


def parse(recorded: Recorded | Answer) -> Parsed:
    answer = recorded.answer() if isinstance(recorded, Recorded) else recorded
    source = SOURCES.for_url(answer.url)
    assert source is not None, f"no source reads {answer.url}"
    return source.parse(answer)


def rows_of(parsed: Parsed) -> Rows:
    assert len(parsed.rows) == 1
    return parsed.rows[0]


def moments_of(rows: Rows) -> list[dt.datetime]:
    """Return when each row was known."""
    if isinstance(rows.as_of, dt.datetime):
        return [rows.as_of] * rows.table.num_rows
    assert rows.as_of is not None
    return list(rows.as_of.to_pylist())


def assert_agrees(recorded: Recorded) -> Parsed:
    parsed = parse(recorded)
    assert sum(rows.table.num_rows for rows in parsed.rows[:1]) == recorded.records
    assert not parsed.skipped
    assert not parsed.warnings
    if recorded.records and recorded.span:
        dates = parsed.rows[0].table["date"]
        assert (pc.min(dates).as_py(), pc.max(dates).as_py()) == recorded.span
    return parsed


def test_the_manifest_lists_what_these_tests_are_about() -> None:
    assert len(OBSERVATIONS) >= 72
    assert len(SERIES) >= 47
    assert len(CHARTS) >= 31
    assert len(HISTORIES) >= 5


@pytest.mark.parametrize("recorded", OBSERVATIONS, ids=lambda r: r.path)
def test_observations_of_fred(recorded: Recorded) -> None:
    rows = rows_of(assert_agrees(recorded))
    assert rows.table["value"].null_count == recorded.noted("missing '.'")
    assert len(set(moments_of(rows))) == recorded.noted("distinct vintages")


@pytest.mark.parametrize("recorded", SERIES, ids=lambda r: r.path)
def test_descriptions_of_fred_series(recorded: Recorded) -> None:
    (row,) = rows_of(assert_agrees(recorded)).table.to_pylist()
    assert row["series_id"] in recorded.url
    assert row["title"]
    assert row["last_updated"].tzinfo is not None


@pytest.mark.parametrize("recorded", CHARTS, ids=lambda r: r.path)
def test_charts_of_yahoo(recorded: Recorded) -> None:
    parsed = assert_agrees(recorded)
    for bar in parsed.rows[0].table.to_pylist() if parsed.rows else ():
        assert bar["is_final"]
        assert bar["currency"] in recorded.notable
    noted = re.search(r"events=({.*?})", recorded.notable)
    counts = ast.literal_eval(noted[1]) if noted else {}
    assert [rows.table.num_rows for rows in parsed.rows[1:]] == [
        n for n in [sum(counts.values())] if n
    ]


@pytest.mark.parametrize("recorded", HISTORIES, ids=lambda r: r.path)
def test_histories_of_cboe(recorded: Recorded) -> None:
    rows = rows_of(assert_agrees(recorded))
    has_candles = recorded.answer().body.startswith(b"DATE,OPEN")
    assert rows.table["open"].null_count == (0 if has_candles else rows.table.num_rows)


@pytest.mark.parametrize(
    "recorded", [*OBSERVATIONS, *SERIES, *CHARTS, *HISTORIES], ids=lambda r: r.path
)
def test_rows_keep_the_law_of_their_dataset(recorded: Recorded) -> None:
    for rows in parse(recorded).rows:
        for row in rows.table.to_pylist()[:2_000]:
            rows.dataset.row.model_validate(row)


def test_the_bar_whose_close_is_null_is_counted_and_not_published() -> None:
    """The manifest counts no records here; the body has five timestamps, one without a close."""
    (recorded,) = [r for r in manifest("yahoo/chart") if "null_closes" in r.path]
    parsed = parse(replace(recorded, url="https://query1.finance.yahoo.com/v8/finance/chart/BZ=F"))
    assert parsed.records == 4
    assert parsed.skipped == {"no close": 1}
    assert not parsed.warnings
    bars = rows_of(parsed).table.to_pylist()
    assert [bar["adj_close"] for bar in bars] == [bar["close"] for bar in bars], "a future's"
    assert dt.date(2026, 7, 8) not in rows_of(parsed).table["date"].to_pylist()


def test_an_unknown_symbol_is_said_to_be_unknown() -> None:
    """The manifest counts no records here: the body is Yahoo's own error."""
    (recorded,) = [r for r in manifest("yahoo/chart") if "unknown_symbol" in r.path]
    with pytest.raises(UpstreamError, match="unknown symbol") as caught:
        parse(recorded)
    assert "delisted" not in str(caught.value)


def test_a_series_that_does_not_exist_is_said_to() -> None:
    (recorded,) = manifest("fred/errors")
    with pytest.raises(UpstreamError, match="series USAB6DBTT01CXCUSAQ does not exist"):
        parse(recorded)


PLANNED = ("series_release", "release_series", "releases_dates")
"""Routes of FRED that say what to ask for, and hold no record."""


@pytest.mark.parametrize(
    "recorded", [*manifest("fred/other"), *manifest("cboe/quotes")], ids=lambda r: r.path
)
def test_routes_that_are_not_read_are_not_claimed(recorded: Recorded) -> None:
    planned = any(name in recorded.path for name in PLANNED)
    assert (SOURCES.for_url(recorded.url) is not None) == planned


def test_what_is_asked_next_is_read_out_of_other_routes() -> None:
    answers = {r.path.rpartition("/")[2]: r for r in manifest("fred/other")}
    described = parse(answers["GDP_series_release__2.json"]).more[0]
    assert described.url.endswith(
        "series_id=GDP&file_type=json#release=53%3AGross%20Domestic%20Product"
    )
    calendar = parse(answers["releases_dates__2.json"]).facts
    assert "72" in calendar["2025-01-20+0"].split(",")
    (whole,) = parse(answers["release483_release_series.json"]).also
    assert query_of(whole.url)["release_id"] == "483"
    assert whole.unless_since == dt.datetime(2024, 10, 16, 12, 1, 8, tzinfo=dt.UTC)


class TestVintages:
    """All vintages of GDP, as recorded."""

    @pytest.fixture
    def answer(self) -> Answer:
        (recorded,) = [r for r in OBSERVATIONS if "_9999-12-31_" in r.path]
        return recorded.answer()

    def test_each_row_was_known_at_the_end_of_its_vintage_day(self, answer: Answer) -> None:
        expected = [
            end_of_day(dt.date.fromisoformat(row["realtime_start"]))
            for row in orjson.loads(answer.body)["observations"]
        ]
        assert moments_of(rows_of(parse(answer))) == expected

    def test_the_withdrawals_of_1946_are_the_newest_versions(self, answer: Answer) -> None:
        newest: dict[dt.date, tuple[dt.datetime, float | None]] = {}
        for day, as_of, value in _versions(answer):
            if day not in newest or as_of > newest[day][0]:
                newest[day] = (as_of, value)
        withdrawn = sorted(day for day, (_, value) in newest.items() if value is None)
        assert withdrawn == [dt.date(1946, month, 1) for month in (1, 4, 7, 10)]

    def test_no_vintage_is_later_than_the_fetch(self, answer: Answer) -> None:
        fetched_at = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
        rows = rows_of(parse(replace(answer, fetched_at=fetched_at)))
        assert max(moments_of(rows)) == fetched_at

    def test_a_range_cut_short_says_the_same_as_the_whole(self, answer: Answer) -> None:
        (cut,) = [r for r in OBSERVATIONS if "_2019-01-01_" in r.path]
        limit = end_of_day(dt.date(2019, 1, 1))
        whole = {version for version in _versions(answer) if version[1] <= limit}
        assert set(_versions(cut.answer())) == whole


def test_every_recorded_answer_is_read_or_belongs_to_no_source() -> None:
    archive = Archive(FOLDER)
    entries, faults = archive.entries()
    assert not faults
    claimed = [entry for entry in entries if SOURCES.for_url(entry.url)]
    refused = []
    for entry in claimed:
        try:
            parse(archive.read(entry))
        except UpstreamError:
            refused.append(entry.path)
    assert refused == ["yahoo/chart/commdash_yahoo_unknown_symbol.json"]
    assert len(claimed) >= 109


def _versions(answer: Answer) -> Iterator[tuple[dt.date, dt.datetime, float | None]]:
    rows = rows_of(parse(answer))
    days, values = rows.table["date"].to_pylist(), rows.table["value"].to_pylist()
    yield from zip(days, moments_of(rows), values, strict=True)
