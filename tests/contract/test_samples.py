"""The samples: what they must hold, that they may be carried, and that they all can be read."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pytest

from services.fetcher.answer import Answer, Parsed, without_secrets
from services.fetcher.archive.folder import Archive
from services.fetcher.registry import discover
from shared.record import Rows

SAMPLES = Path(__file__).parents[2] / "samples"
FREE = re.compile(r"Apache-2\.0|\bMIT\b|BSD|NCSA|PDDL")
SOURCES = discover()


@pytest.fixture(scope="module")
def parsed() -> list[tuple[Answer, Parsed]]:
    archive = Archive(SAMPLES)
    entries, faults = archive.entries()
    assert not faults
    answers = [archive.read(entry) for entry in entries]
    found = []
    for answer in answers:
        source = SOURCES.for_url(answer.url)
        assert source is not None, answer.url
        found.append((answer, source.parse(answer)))
    return found


def spans(parsed: list[tuple[Answer, Parsed]], dataset: str) -> dict[str, tuple[dt.date, dt.date]]:
    """Return the first and last day of each entity."""
    found: dict[str, tuple[dt.date, dt.date]] = {}
    for rows in _rows(parsed, dataset):
        dates = rows.table["date"]
        for entity in rows.table[rows.dataset.entity].unique().to_pylist():
            days = (pc.min(dates).as_py(), pc.max(dates).as_py())
            known = found.get(entity, days)
            found[entity] = (min(days[0], known[0]), max(days[1], known[1]))
    return found


def test_every_answer_is_read_without_warning(parsed: list[tuple[Answer, Parsed]]) -> None:
    assert [answer.url for answer, result in parsed if not result.records] == []
    assert [warning for _, result in parsed for warning in result.warnings] == []


def test_the_only_records_left_out_have_no_close(parsed: list[tuple[Answer, Parsed]]) -> None:
    reasons = Counter(reason for _, result in parsed for reason in result.skipped)
    assert set(reasons) == {"no close"}


def test_at_least_12_series_have_observations_and_a_description(
    parsed: list[tuple[Answer, Parsed]],
) -> None:
    described = {
        series
        for rows in _rows(parsed, "fred_series")
        for series in rows.table["series_id"].to_pylist()
    }
    assert len(described & spans(parsed, "fred_data").keys()) >= 12


def test_all_vintages_of_gdp_are_there(parsed: list[tuple[Answer, Parsed]]) -> None:
    vintages: set[dt.datetime] = set()
    for rows in _rows(parsed, "fred_data"):
        if rows.table["series_id"][0].as_py() == "GDP" and not isinstance(rows.as_of, dt.datetime):
            assert rows.as_of is not None
            vintages |= set(rows.as_of.to_pylist())
    assert len(vintages) >= 393


def test_at_least_12_tickers_have_years_of_bars(parsed: list[tuple[Answer, Parsed]]) -> None:
    long = [
        ticker
        for ticker, (first, last) in spans(parsed, "yfinance_ohlcv").items()
        if last - first >= dt.timedelta(days=2 * 365)
    ]
    assert len(long) >= 12


def test_vix_is_there(parsed: list[tuple[Answer, Parsed]]) -> None:
    found = spans(parsed, "cboe_vix_history")
    assert found["VIX"] == (dt.date(2014, 1, 3), dt.date(2019, 1, 3))


def test_flows_are_restated_and_chain_and_articles_are_there(
    parsed: list[tuple[Answer, Parsed]],
) -> None:
    months = [rows.table for rows in _rows(parsed, "ici_etf_monthly_flows")]
    assert len(months) == 5
    assert months[0].num_rows == 87
    assert not months[1].slice(0, 87).equals(months[0])
    assert [rows.table.num_rows for rows in _rows(parsed, "options_chain")] == [3576]
    assert [rows.table.num_rows for rows in _rows(parsed, "options_data")] == [1]
    assert [rows.table.num_rows for rows in _rows(parsed, "news_articles")] == [6]
    assert sum(rows.table.num_rows for rows in _rows(parsed, "corporate_actions")) > 100


def test_no_record_is_newer_than_its_fetch(parsed: list[tuple[Answer, Parsed]]) -> None:
    for answer, result in parsed:
        for rows in result.rows:
            if rows.dataset.name in ("yfinance_ohlcv", "cboe_vix_history"):
                assert pc.max(rows.table["date"]).as_py() <= answer.fetched_at.date()


def test_no_url_carries_a_key() -> None:
    entries, _ = Archive(SAMPLES).entries()
    assert [e.url for e in entries if e.url != without_secrets(e.url) or "KEY" in e.url] == []


def test_every_file_is_attributed_to_a_free_licence() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8").partition("| File |")[2]
    attributed = dict(re.findall(r"^\| (\S+) \| (.+) \|$", readme, re.MULTILINE))
    attributed.pop("---")
    files = {
        path.relative_to(SAMPLES).as_posix()
        for path in SAMPLES.rglob("*")
        if path.is_file() and path.suffix == ".gz"
    }
    assert attributed.keys() == files
    assert files == {entry.path for entry in Archive(SAMPLES).entries()[0]}
    assert [path for path, origin in attributed.items() if not FREE.search(origin)] == []


def test_they_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 4_000_000


def _rows(parsed: list[tuple[Answer, Parsed]], dataset: str) -> Iterator[Rows]:
    for _, result in parsed:
        yield from (rows for rows in result.rows if rows.dataset.name == dataset)
