"""What the samples hold, and how two answers made from them are compared."""

import asyncio
import csv
from collections import Counter
from collections.abc import Sequence
from functools import cache
from io import StringIO

from services.fetcher.app import FetchOrder, run_fetcher
from shared.settings import Settings
from tests.command_line import SAMPLES

ALWAYS = {"cboe_vix_history", "data_refresh_log", "fred_data", "fred_series", "yfinance_ohlcv"}


@cache
def datasets_of_the_samples() -> frozenset[str]:
    """Return the datasets that have rows once the samples are replayed."""
    order = FetchOrder(replay_dir=SAMPLES, dry_run=True)
    report = asyncio.run(run_fetcher(Settings(), order, asyncio.Event()))
    assert report
    records: Counter[str] = sum((run.by_dataset for run in report.runs), Counter())
    return frozenset(ALWAYS | records.keys())


def unlike(expected: str, served: str) -> list[str]:
    """Return the first lines that only one of two texts has, `-` before those of the first.

    Where the same lines stand in another order, the first two that differ. Quick also where a
    difference of long texts, as an assertion shows it, takes minutes.
    """
    if expected == served:
        return []
    one, other = expected.splitlines(), served.splitlines()
    missing, surplus = Counter(one) - Counter(other), Counter(other) - Counter(one)
    found = [*(f"-{line}" for line in missing), *(f"+{line}" for line in surplus)]
    moved = ((f"-{a}", f"+{b}") for a, b in zip(one, other, strict=False) if a != b)
    return found[:5] + found[-5:] or list(next(moved))


def rows_of(text: str, columns: Sequence[str] | None = None) -> set[tuple[str, ...]]:
    """Return the rows of a CSV, of some columns or all."""
    return {tuple(row[name] for name in columns or row) for row in csv.DictReader(StringIO(text))}
