"""Looking at the dashboard: how long each page takes to be drawn, and a new bar to be seen.

`econstream up` (or `demo`) runs as a user runs it, with embedded broker and DuckDB, and Chromium
looks. `opened` is a page by its address in a fresh browser, scripts and all, until no part of it is
outdated; `gone_to` is the same page by a click from another. A bar's time runs from the broker's
acknowledgement until its close stands on Markets. Seconds are wall clock, the median of rounds.

That Playwright watches costs a page what no reader's browser pays: 0.85 s of its own thread, were
it not for what `tests/services/browser.py` starts Chromium with. With it that thread works as long
as unwatched.
"""

import argparse
import asyncio
import datetime as dt
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from playwright.sync_api import Browser

from benchmarks.rig import machine
from benchmarks.rig.bars import Slice, bars
from benchmarks.rig.progress import tell
from shared.database.base import Batch, Database, Reader
from shared.database.factory import create_database
from shared.registry import discover
from shared.settings import Settings
from tests.command_line import Running, Shell
from tests.services.browser import Look, chromium, looking
from tests.services.process import free_port
from tests.waiting import until_sync

PAGES = ("economy", "markets", "volatility", "flows", "news", "revisions", "pipeline")
_KNOWN = dt.datetime(2026, 1, 5, 21, tzinfo=dt.UTC)
_CHUNK = 100_000
_SERIES = ("GDP", "UNRATE", "CPIAUCSL", "DGS10", "DGS2", "FEDFUNDS", "USREC")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--tickers", type=int, default=500, help="how many are stored")
    parser.add_argument("--days", type=int, default=5_040, help="bars of each: 20 years of them")
    parser.add_argument("--rounds", type=int, default=3, help="how often each page is looked at")
    parser.add_argument("--demo", action="store_true", help="the demo's data instead")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result. Blocks."""
    with tempfile.TemporaryDirectory(prefix="econstream-") as folder:
        shell = Shell(Path(folder), {"DUCKDB_PATH": "data/demo.duckdb"})
        rows = 0
        if not options.demo:
            rows = options.tickers * options.days
            asyncio.run(_fill(shell.folder / "data/demo.duckdb", rows, options.days))
        served = _serving(shell, "demo" if options.demo else "up")
        with served as address, chromium() as browser:
            pages = _measured(browser, address, options.rounds)
            ticker = "TSLA" if options.demo else "T00000"
            seen = [_seen(browser, address, shell, ticker) for _ in range(options.rounds)]
    yield {
        "benchmark": "dashboard",
        "data": "demo" if options.demo else f"{rows:,} bars",
        "pages": pages,
        "a_bar_is_seen_after": round(median(seen), 2),
        "machine": machine.machine(),
    }


@contextmanager
def _serving(shell: Shell, command: str) -> Iterator[str]:
    port = free_port()
    given = {"API_PORT": "0", "DASHBOARD_PORT": str(port), "FETCH_SOURCES": "cboe"}
    with shell.started(command, **given) as running:
        until_sync(lambda: _announced(running), within=300)
        yield f"http://127.0.0.1:{port}"
        running.end(within=60)


def _announced(running: Running) -> bool:
    assert not running.ended, running.said
    return "Dashboard http" in running.said


def _measured(browser: Browser, address: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return the seconds of each page; the first look of all is that of its first round."""
    opened: dict[str, list[float]] = {name: [] for name in PAGES}
    gone_to: dict[str, list[float]] = {name: [] for name in PAGES}
    for number in range(rounds):
        for name, other in zip(PAGES, (*PAGES[1:], PAGES[0]), strict=True):
            with looking(browser, address) as look:
                opened[name].append(_seconds(look.open, name))
                look.go(other)
                gone_to[name].append(_seconds(look.go, name))
        tell(f"round {number + 1}: { ({name: times[-1] for name, times in opened.items()}) }")
    return {
        name: {
            "first": round(opened[name][0], 2),
            "opened": round(median(opened[name]), 2),
            "gone_to": round(median(gone_to[name]), 2),
        }
        for name in PAGES
    }


def _seconds(action: Callable[[str], None], page: str) -> float:
    began = time.perf_counter()
    action(page)
    return round(time.perf_counter() - began, 2)


def _seen(browser: Browser, address: str, shell: Shell, ticker: str) -> float:
    """Return how long a new bar takes from the broker to the page."""
    with looking(browser, address) as look:
        look.open("markets")
        close = _close(look, ticker)
        day = dt.date.fromisoformat(close.split("close of ")[1][:10]) + dt.timedelta(days=1)
        prices = dict.fromkeys(("open", "high", "low", "close", "adj_close"), 100.0)
        bar = {"ticker": ticker, "date": day.isoformat(), **prices, "volume": 1}
        bar |= {"currency": "USD", "is_final": True}
        shell.publish("yfinance_ohlcv", ticker, json.dumps(bar).encode())
        began = time.perf_counter()
        until_sync(lambda: _close(look, ticker) != close, within=60)
        return time.perf_counter() - began


def _close(look: Look, ticker: str) -> str:
    return next((label for label in look.metrics() if label.startswith(ticker)), "")


async def _fill(path: Path, rows: int, days: int) -> None:
    """Store so many bars, and daily observations of a few series as long."""
    registry = discover()
    path.parent.mkdir(parents=True, exist_ok=True)
    database: Database = create_database(
        Settings(_env_file=None, database_backend="duckdb", duckdb_path=path), application="bench"
    )
    await database.open()
    try:
        await database.apply_schema(registry)
        for first in range(0, rows, _CHUNK):
            dataset = registry["yfinance_ohlcv"]
            part = bars(dataset, min(_CHUNK, rows - first), 1, first=first, days=days)
            await _write(database, Slice(dataset, part, _KNOWN))
        fred = registry["fred_data"]
        for series in _SERIES:
            await _write(database, Slice(fred, _observations(fred.arrow_schema, series), _KNOWN))
    finally:
        await database.close()


def _observations(schema: pa.Schema, series: str) -> pa.Table:
    days = np.datetime64("1970-01-01") + np.arange(20_000)
    values = np.random.default_rng(1).normal(size=len(days)).cumsum()
    columns = {"series_id": pa.repeat(series, len(days)), "date": days, "value": values}
    return pa.table({name: pa.array(columns[name]) for name in schema.names}, schema=schema)


async def _write(database: Database, part: Slice) -> None:
    table = part.incoming().drop_columns("kafka_epoch")
    await database.write(Batch(Reader("benchmark", "dashboard"), part.dataset, table))
