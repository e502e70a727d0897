"""Bars for the tests of the processor: made at random, or real ones of the samples."""

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from services.fetcher.archive.folder import Archive
from services.fetcher.sources.yahoo import SOURCE
from services.processor.bars import BAR, Bars, from_table

SAMPLES = Path(__file__).parents[2] / "samples"


def random_bars(count: int, seed: int = 0, *, start: int = 15_000, as_of: int = 1_000) -> Bars:
    """Return daily bars of a random walk, with flat days, gaps and days without volume."""
    made = np.random.default_rng(seed)
    bars = np.zeros(count, BAR)
    bars["date"] = start + np.cumsum(made.integers(1, 4, count))
    moves = made.normal(0, 0.02, count) * (made.random(count) > 0.1)
    bars["close"] = np.round(100 * np.exp(np.cumsum(moves)), 2)
    bars["high"] = bars["close"] * (1 + made.random(count) * 0.02)
    bars["low"] = bars["close"] * (1 - made.random(count) * 0.02)
    bars["volume"] = made.integers(0, 10**9, count) * (made.random(count) > 0.05)
    bars["is_final"] = True
    bars["as_of"] = as_of
    return bars


@cache
def real_bars(ticker: str) -> Bars:
    """Return the longest recorded history of a ticker among the samples."""
    archive = Archive(SAMPLES)
    answers = [archive.read(e) for e in archive.entries()[0] if SOURCE.matches(e.url)]
    found = [
        rows.table
        for answer in answers
        for rows in SOURCE.parse(answer).rows
        if rows.dataset.name == "yfinance_ohlcv" and rows.table["ticker"][0].as_py() == ticker
    ]
    table = max(found, key=len)
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    stamps = pa.array([moment] * len(table), pa.timestamp("us", "UTC"))
    return from_table(table.append_column("as_of", stamps))
