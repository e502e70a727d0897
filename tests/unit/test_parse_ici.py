"""ICI's workbooks: every quirk of their sheets, on tables written for it."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from services.fetcher.answer import Parsed, UnreadableAnswer, UpstreamError
from services.fetcher.sources.ici import SOURCE
from services.fetcher.watchlist.file import Watchlist
from shared.settings import Settings
from tests.unit.answers import answer

URL = "https://www.ici.org/etf_flows_data_2016.xls"
HEADER = [
    "Date\tTotal ETFs\t\tEquity\t\t\t\t\t\tHybrid\t\tBond\t\t\t\t\t\tCommodity",
    "\t\t\tTotal\t\tDomestic\t\tWorld\t\t\t\tTotal\t\tTaxable\t\tMunicipal\t\t",
]
FINER = [
    "Date\tTotal long-term\tEquity\t\t\t\tHybrid\tBond\t\t\t\t",
    "\t\tTotal equity\tDomestic\t\tWorld\t\tTotal bond\tTaxable\t\tMunicipal",
    "\t\t\tTotal domestic\tLarge cap\tTotal world\t\t\tTotal taxable\tHigh yield\t",
]
NOTE = '"Note: Weekly fund flows are estimates, while monthly fund flows are actual numbers."'
FIGURES = ['"1,234"', "1", "2", "-3", "4", "5", "6", "(7)", ""]


def row(day: str, figures: Sequence[str] = FIGURES) -> str:
    total, *others = figures
    return "\t".join([day, total, *(cell for figure in others for cell in ("", figure))])


def sheet(
    months: Sequence[str] = (row("10/31/2016 "),),
    weeks: Sequence[str] = (row("11/02/2016"),),
    header: Sequence[str] = HEADER,
    labels: tuple[str, str] = ("Monthly fund flows", "Estimated weekly fund flows"),
) -> bytes:
    """Return a sheet saved as text with tabs."""
    title = ["Investment Company Institute", "", '"Millions, U.S. dollars"', ""]
    lines = [*title, *header, "", labels[0], *months, "", labels[1], *weeks, "", NOTE, ""]
    return "\r\n".join(lines).encode()


def parse(body: bytes, url: str = URL, **given: Any) -> Parsed:
    return SOURCE.parse(answer(url, body, **given))


def days(parsed: Parsed) -> dict[str, int | None]:
    """Return the length of each period by its last day."""
    return {
        str(found[rows.dataset.time]): found["period_days"]
        for rows in parsed.rows
        for found in rows.table.to_pylist()
    }


def test_months_are_counted_and_weeks_are_estimates() -> None:
    parsed = parse(sheet())
    monthly, weekly = parsed.rows
    assert not parsed.warnings
    assert monthly.table.to_pylist() == [
        {
            "fund_type": "etf",
            "month_ending": dt.date(2016, 10, 31),
            "total_net_flows": 1234.0,
            "equity_net_flows": 1.0,
            "domestic_equity_net_flows": 2.0,
            "world_equity_net_flows": -3.0,
            "hybrid_net_flows": 4.0,
            "bond_net_flows": 5.0,
            "taxable_bond_net_flows": 6.0,
            "municipal_bond_net_flows": -7.0,
            "commodity_net_flows": None,
            "is_estimate": False,
            "period_days": 31,
        }
    ]
    assert weekly.table["is_estimate"].to_pylist() == [True]


def test_a_week_that_ends_early_makes_the_next_one_longer() -> None:
    weeks = [row(day) for day in ("11/16/2016", "11/22/2016", "11/30/2016")]
    lengths = days(parse(sheet(weeks=weeks)))
    assert (lengths["2016-11-22"], lengths["2016-11-30"]) == (6, 8)


@pytest.mark.parametrize(
    ("first", "length"),
    [("11/02/2016", 7), ("07/02/2024", 6), ("12/04/2024", None), ("01/08/2025", None)],
)
def test_the_first_week_of_a_sheet_is_counted_where_the_one_before_is_certain(
    first: str, length: int | None
) -> None:
    assert list(days(parse(sheet(weeks=[row(first)]))).values())[-1] == length


@pytest.mark.parametrize(
    ("name", "fund"),
    [
        ("etf_flows_data_2026.xls", "etf"),
        ("flows_data_2026.xls", "mutual_fund"),
        ("combined_flows_data_2026.xls", "combined"),
        ("system/files/2026-03/combined_flows_data_2026.xls", "combined"),
        ("info/flows_data_2014.xls", "mutual_fund"),
    ],
)
def test_the_workbook_says_which_kind_of_fund(name: str, fund: str) -> None:
    url = f"https://www.ici.org/{name}"
    assert SOURCE.matches(url)
    assert {
        r["fund_type"] for rows in parse(sheet(), url).rows for r in rows.table.to_pylist()
    } == {fund}


def test_finer_classes_are_passed_over_and_mutual_funds_have_no_commodities() -> None:
    line = "\t".join(["10/31/2016", *map(str, range(1, 11))])
    url = "https://www.ici.org/flows_data_2016.xls"
    parsed = parse(sheet([line], ["11/02/2016" + line[10:]], FINER), url)
    (found,) = parsed.rows[0].table.to_pylist()
    assert not parsed.warnings
    assert found["domestic_equity_net_flows"] == 3.0
    assert found["world_equity_net_flows"] == 5.0
    assert found["taxable_bond_net_flows"] == 8.0
    assert found["municipal_bond_net_flows"] == 10.0
    assert found["commodity_net_flows"] is None


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (sheet(header=[line.replace("World", "") for line in HEADER]), "world_equity"),
        (sheet(header=[line.replace("Commodity", "") for line in HEADER]), "commodity"),
        (sheet(header=[line.replace("World", "Domestic") for line in HEADER]), "two columns"),
        (sheet(header=["nothing"]), "'Date'"),
        (sheet(labels=("Monthly fund flows", "Weekly")), "weekly block"),
        (sheet(labels=("Months", "Estimated weekly fund flows")), "monthly block"),
        (sheet([row("13/31/2016")]), "does not exist"),
        (sheet([row("10/31/2016", ["x"] * 9)]), "no number"),
        (sheet([row("10/31/2016", [","] * 9)]), "no number"),
        (sheet([row("10/31/2016")] * 2), "twice"),
        (sheet([]), "block of months is empty"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 508, "workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 500, "truncated workbook"),
        (b"PK\x03\x04" + b"\0" * 100, "workbook"),
        (b"no table", "neither a workbook"),
        (b"", "empty"),
    ],
)
def test_what_is_not_as_it_was_is_named(body: bytes, complaint: str) -> None:
    with pytest.raises(UnreadableAnswer, match=complaint):
        parse(body)


def test_a_new_column_is_warned_about() -> None:
    parsed = parse(sheet(header=[HEADER[0] + "\t\tCrypto", HEADER[1]]))
    assert parsed.records == 2
    assert parsed.warnings == ["new column 'crypto' in ICI's flows"]


def test_a_page_in_place_of_a_workbook_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="web page"):
        parse(b"<html>blocked</html>")
    with pytest.raises(UpstreamError, match="403"):
        parse(b"<html>", status=403)


def at(year: int, month: int) -> dt.datetime:
    return dt.datetime(year, month, 5, tzinfo=dt.UTC)


def test_in_january_the_workbook_of_the_year_before_is_asked_for() -> None:
    parsed = parse(b"<html>", status=404, fetched_at=at(2016, 1))
    assert [request.url for request in parsed.more] == [URL.replace("2016", "2015")]
    with pytest.raises(UpstreamError, match="404"):
        parse(b"<html>", status=404, fetched_at=at(2016, 6))
    with pytest.raises(UpstreamError, match="404"):
        parse(b"<html>", URL.replace("2016", "2015"), status=404, fetched_at=at(2016, 1))


def test_a_name_that_serves_another_year_is_told_by_the_dates_inside() -> None:
    parsed = parse(sheet(), URL.replace("2016", "2014"))
    assert parsed.records == 2
    assert parsed.warnings == ["the workbook of 2014 holds figures up to 2016-11-02"]


def test_last_modified_says_when_the_figures_were_known() -> None:
    headers = {"last-modified": "Wed, 09 Nov 2016 15:00:00 GMT"}
    parsed = parse(sheet(), headers=headers)
    assert {rows.as_of for rows in parsed.rows} == {dt.datetime(2016, 11, 9, 15, tzinfo=dt.UTC)}


def test_it_asks_for_each_kind_and_year() -> None:
    watchlist = Watchlist({"ici": {"funds": ("etf", "mutual_fund")}})
    year = dt.datetime.now(dt.UTC).year
    now = SOURCE.requests(watchlist, Settings(), None)
    assert [request.url for request in now] == [
        f"https://www.ici.org/etf_flows_data_{year}.xls",
        f"https://www.ici.org/flows_data_{year}.xls",
    ]
    back = SOURCE.requests(watchlist, Settings(), dt.date(year - 2, 6, 1))
    assert len(back) == 6


def test_it_reads_no_other_page() -> None:
    assert not SOURCE.matches("https://www.ici.org/research/stats/etf_flows")
    assert not SOURCE.matches("https://example.org/flows_data_2016.xls")
