"""The dashboard in a real browser: what it shows is what the API answers, then and now."""

import csv
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NoReturn

import pandas as pd
import pytest
from playwright.sync_api import Browser, Request
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from shared.embedded import find_binary
from shared.errors import ConfigError
from tests.command_line import ROOT, Shell, get
from tests.services.browser import Look, chromium, looking
from tests.services.process import free_port
from tests.services.relay import relay
from tests.services.search import UnavailableError
from tests.waiting import until_sync

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

PAGES = ("economy", "markets", "volatility", "flows", "news", "revisions", "pipeline")
IMAGES = ROOT / "docs" / "images"


@dataclass
class Demo:
    """A running demo: its commands, its API and its dashboard."""

    shell: Shell
    api: str
    dashboard: str

    def rows(self, path: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(get(f"{self.api}/v1/data/{path}&format=csv"))))

    def points(self, path: str, column: str) -> list[tuple[str, float]]:
        """Return an answer's dates and values, those that have one."""
        found = self.rows(path)
        time = next(name for name in ("date", "week_ending") if name in found[0])
        return [(row[time], float(row[column])) for row in found if row[column]]


@pytest.fixture(scope="module")
def browser(do_without: Callable[[str, str], NoReturn]) -> Iterator[Browser]:
    try:
        with chromium() as found:
            yield found
    except UnavailableError as exc:
        do_without("browser", str(exc))


@pytest.fixture(scope="module")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    shell = Shell(tmp_path_factory.mktemp("demo"), {"DUCKDB_PATH": "data/demo.duckdb"})
    port = free_port()
    with shell.started("demo", API_PORT="0", DASHBOARD_PORT=str(port)) as running:
        until_sync(lambda: "Ctrl-C ends it" in running.said or running.ended, within=180)
        assert f"Dashboard http://127.0.0.1:{port} " in running.said
        yield Demo(shell, shell.await_announced(running).api_url or "", f"http://127.0.0.1:{port}")
        assert running.end(within=60) == 0, running.said
        with closing(socket.socket()) as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def look(browser: Browser, demo: Demo) -> Iterator[Look]:
    with looking(browser, demo.dashboard) as found:
        yield found
        assert found.faults == []


def number(text: str) -> float:
    return float(text.replace(",", ""))


def test_the_first_look_takes_one_run_and_asks_for_nothing_late(demo: Demo, look: Look) -> None:
    """The first look of all at this dashboard."""
    told: list[str] = []
    asked: list[str] = []

    def received(frame: str | bytes) -> None:
        assert isinstance(frame, bytes)
        told.append(ForwardMsg.FromString(frame).WhichOneof("type"))

    def requested(request: Request) -> None:
        if request.is_navigation_request():  # the first, or again where it was broken off
            told.clear()
            asked.clear()
        asked.append(request.url)

    look.page.on("websocket", lambda socket: socket.on("framereceived", received))
    look.page.on("request", requested)
    look.open("economy")
    # Each run of the whole script tells the navigation. The part that looks for changes, and would
    # have the page drawn anew, has run once more when a second session is told.
    until_sync(lambda: look.page.evaluate("0") == 0 and told.count("new_session") > 1)
    assert told.count("navigation") == 1
    named = get(demo.dashboard)
    files = [url.removeprefix(f"{demo.dashboard}/") for url in asked if "/static/" in url]
    assert len(files) > len(PAGES)
    assert [name for name in files if name not in named] == []


def test_the_first_page_has_an_address_of_its_own_too(demo: Demo, look: Look) -> None:
    look.open("economy", "?as_of=2008-10-30", named=True)
    assert look.page.get_by_text("known on 2008-10-30").first.is_visible()
    assert look.page.get_by_text("Page not found").count() == 0


def test_a_revision_is_what_was_known_beside_what_is(demo: Demo, look: Look) -> None:
    look.open("revisions")
    span = "fred_data?series_id=GDP&start=2005-10-31&end=2011-10-30"
    assert look.trace("Known on 2008-10-30") == demo.points(f"{span}&as_of=2008-10-30", "value")
    assert look.trace("Known now") == demo.points(span, "value")
    label = "GDP of 2008-07-01, Billions of Dollars, known"
    assert look.metrics()[f"{label} on 2008-10-30"] == "14,429.20"
    assert look.metrics()[f"{label} now"] == "14,899.00"
    assert look.page.get_by_text("vintage · known on 2008-10-30").first.is_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)], ids=str)
def test_every_page_is_drawn_without_a_fault(
    browser: Browser, demo: Demo, scheme: str, width: int, request: pytest.FixtureRequest
) -> None:
    size = {"width": width, "height": 900}
    with looking(browser, demo.dashboard, viewport=size, color_scheme=scheme) as look:
        for name in PAGES:
            look.open(name)
            assert look.faulty() == [], name
            if request.config.getoption("--keep-images"):
                look.keep(IMAGES / f"{name}-{scheme}-{width}.png")


def test_figures_are_the_answers_of_the_api(demo: Demo, look: Look) -> None:
    look.open("economy")
    gdp = demo.points("fred_data?series_id=GDP", "value")
    assert look.trace("Gross Domestic Product") == gdp
    assert look.metrics()["GDP · 2024-07-01 · Billions of Dollars"] == f"{gdp[-1][1]:,.2f}"

    look.go("markets")
    year = "ticker=TSLA&start=2022-08-10"
    assert look.trace("Day (", "close") == demo.points(f"yfinance_ohlcv?{year}", "close")
    assert look.trace("Volume") == demo.points(f"yfinance_ohlcv?{year}", "volume")
    for drawn, column in (("RSI", "rsi_14"), ("MACD", "macd"), ("Mean of 200", "sma_200")):
        assert look.trace(drawn) == demo.points(f"technical_features?{year}", column)

    look.go("volatility")
    assert look.trace("VIX") == demo.points("cboe_vix_history?symbol=VIX", "close")

    look.go("flows")
    assert look.trace("Total") == demo.points(
        "ici_etf_weekly_flows?fund_type=mutual_fund", "total_net_flows"
    )
    look.page.get_by_text("Monthly", exact=True).click()
    look.page.get_by_text("Restated since first published").first.wait_for()

    look.go("news")
    scores: dict[str, list[float]] = {}
    for row in demo.rows("news_sentiment?fields=published_at,sentiment_score"):
        scores.setdefault(row["published_at"][:10], []).append(float(row["sentiment_score"]))
    means = {day: fmean(found) for day, found in scores.items()}
    assert dict(look.trace("Mean of the day")) == pytest.approx(means)

    look.go("pipeline")
    stored = json.loads(get(f"{demo.api}/v1/status"))["datasets"]
    assert number(look.metrics()["Rows stored"]) == sum(entry["rows"] for entry in stored)


def test_the_day_turns_every_page_back(demo: Demo, look: Look) -> None:
    look.open("economy", "?as_of=2008-10-30")
    label = "GDP · 2008-07-01 · Billions of Dollars"
    until_sync(lambda: label in look.metrics())
    assert look.metrics()[label] == "14,429.20"
    then = demo.points("fred_data?series_id=GDP&as_of=2008-10-30", "value")
    assert look.trace("Gross Domestic Product") == then
    assert look.page.get_by_text("vintage · known on 2008-10-30").first.is_visible()

    # By the keyboard alone: a day earlier, the figure was not out yet.
    look.page.get_by_role("slider").focus()
    look.page.keyboard.press("ArrowLeft")
    until_sync(lambda: "GDP · 2008-04-01 · Billions of Dollars" in look.metrics())
    assert "as_of=2008-10-29" in look.page.url
    look.go("volatility")
    assert look.page.get_by_text("No volatility index is known on 2008-10-29.").is_visible()

    look.open("markets", "?as_of=2022-12-30")
    look.page.get_by_text("assumed · known on 2022-12-30").first.wait_for()
    assumed = "ticker=TSLA&start=2021-12-29&as_of=2022-12-30&as_of_mode=assumed"
    assert look.trace("Day (", "close") == demo.points(f"yfinance_ohlcv?{assumed}", "close")
    # What was fetched by then, and nothing else: TSLA was not.
    look.page.get_by_text("Assume publication dates").click()
    look.page.get_by_text("observed · known on 2022-12-30").first.wait_for()
    assert not any(label.startswith("TSLA") for label in look.metrics())


def test_data_are_taken_away_with_the_address_that_made_them(demo: Demo, look: Look) -> None:
    look.open("volatility")
    look.page.get_by_role("button", name="Data and API address").first.click()
    body = look.page.get_by_test_id("stPopoverBody")
    address = body.locator("code").first.inner_text()
    assert address.startswith(f"{demo.api}/v1/data/cboe_vix_history?")
    with look.page.expect_download() as taken:
        body.get_by_role("button", name="CSV", exact=True).click()
    assert Path(taken.value.path()).read_text() == get(f"{address}&format=csv")
    with look.page.expect_download() as taken:
        body.get_by_role("button", name="Parquet", exact=True).click()
    assert taken.value.suggested_filename == "cboe_vix_history_today.parquet"
    assert len(pd.read_parquet(taken.value.path())) == len(pd.read_csv(address + "&format=csv"))


def test_long_series_are_thinned_out_and_say_so(demo: Demo, look: Look) -> None:
    look.open("markets")
    look.page.get_by_text("All", exact=True).click()
    all_bars = len(demo.rows("yfinance_ohlcv?ticker=TSLA"))
    look.page.get_by_text(f"2,000 of {all_bars:,} points drawn").wait_for()
    assert len(look.trace("Close")) == 2000


def test_a_dead_letter_is_replayed(demo: Demo, look: Look) -> None:
    demo.shell.publish("fred_data", "TEST", b"{")
    made = demo.shell.run("keys", "create", "--scope", "admin", "--json")
    assert made.returncode == 0, made.stderr
    look.open("pipeline")
    page = look.page
    key = page.get_by_role("textbox", name="Key of scope admin")
    key.fill(json.loads(made.stdout)["key"])
    key.press("Enter")
    page.get_by_role("button", name="Replay").click()
    page.get_by_text("tried 2 times").wait_for()
    page.get_by_role("button", name="Discard").click()
    page.get_by_text("Every record was stored.").wait_for()


def test_what_comes_in_is_shown_without_a_reload(demo: Demo, look: Look) -> None:
    look.open("markets")
    assert "TSLA · close of 2023-08-11 · USD" in look.metrics()
    look.page.get_by_text("Live: follows what is stored").wait_for()
    bar = {"ticker": "TSLA", "date": "2023-08-14", "open": 235.7, "high": 240.66, "low": 233.75,
           "close": 239.76, "adj_close": 239.76, "volume": 98595300, "currency": "USD",
           "is_final": True}  # fmt: skip
    demo.shell.publish("yfinance_ohlcv", "TSLA", json.dumps(bar).encode())
    sent = time.monotonic()
    until_sync(lambda: "TSLA · close of 2023-08-14 · USD" in look.metrics())
    print(f"a bar was on the page {time.monotonic() - sent:.2f} s after it was acknowledged")
    assert look.metrics()["TSLA · close of 2023-08-14 · USD"] == "239.76"

    look.go("economy")
    look.page.get_by_text("No recessions shaded").wait_for()
    month = {"series_id": "USREC", "date": "2009-01-01", "value": 1.0}
    demo.shell.publish("fred_data", "USREC", json.dumps(month).encode())
    look.page.get_by_text("Grey: US recessions").wait_for()
    assert look.page.locator(".js-plotly-plot .shapelayer path").count() > 0


def test_an_api_that_is_away_is_told_and_its_return_is_seen(
    browser: Browser, demo: Demo, tmp_path: Path
) -> None:
    shell, port, between = Shell(tmp_path), free_port(), free_port()
    target = int(demo.api.rpartition(":")[2])
    settings = {"DASHBOARD_PORT": str(port), "DASHBOARD_API_URL": f"http://127.0.0.1:{between}"}
    settings["DASHBOARD_API_PUBLIC_URL"] = "https://data.example.org/econ/"
    with shell.started("dashboard", **settings) as running:
        until_sync(lambda: "Dashboard at" in running.said or running.ended, within=60)
        with looking(browser, f"http://127.0.0.1:{port}") as look:
            away = look.page.get_by_text("does not answer")
            look.open("economy")
            away.first.wait_for()
            with relay(between, target):
                look.page.get_by_text("Over time").wait_for()
                assert away.count() == 0
            away.first.wait_for()
            with relay(between, target):
                look.page.get_by_text("Live: follows what is stored").wait_for()
                # Read by one address, known to readers by another.
                look.page.get_by_role("button", name="Data and API address").click()
                body = look.page.get_by_test_id("stPopoverBody")
                shown = body.locator("code").first.inner_text()
                assert shown.startswith("https://data.example.org/econ/v1/data/fred_data?series_id")
                with look.page.expect_download() as taken_away:
                    body.get_by_role("button", name="CSV", exact=True).first.click()
                assert Path(taken_away.value.path()).read_text().startswith("series_id,")
            assert look.faults == []
        taken = shell.run("dashboard", settings=settings)
        assert taken.returncode == 78
        assert "DASHBOARD_PORT" in taken.stderr
        assert running.end() == 0, running.said
