"""Daily bars of one ticker as an array: what every figure is computed from."""

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bars = npt.NDArray[np.void]
"""Bars in order of their dates, no date twice; a structured array of BAR."""

BAR = np.dtype(
    [
        ("date", "<i4"),  # days since 1970
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<i8"),
        ("is_final", "?"),
        ("as_of", "<i8"),  # microseconds since 1970
    ]
)
VALUES = ("high", "low", "close", "volume", "is_final")


def no_bars() -> Bars:
    """Return no bar."""
    return np.empty(0, BAR)


def from_table(table: pa.Table) -> Bars:
    """Return the rows of a table as bars in their order, which need not be that of the dates.

    A bar without high or low counts its close there, one without a volume counts none; a
    table without volumes has no volume and only final bars.
    """
    bars = np.empty(table.num_rows, BAR)
    close = table["close"].to_numpy()
    bars["date"] = pc.cast(table["date"], pa.int32()).to_numpy()
    bars["close"] = close
    for name in ("high", "low"):
        given = table[name].to_numpy()
        bars[name] = np.where(np.isnan(given), close, given)
    held = set(table.column_names)
    bars["volume"] = pc.fill_null(table["volume"], 0).to_numpy() if "volume" in held else 0
    bars["is_final"] = table["is_final"].to_numpy() if "is_final" in held else True
    bars["as_of"] = pc.cast(pc.cast(table["as_of"], pa.timestamp("us")), pa.int64()).to_numpy()
    return bars


def same_values(one: Any, other: Any) -> bool:
    """Return whether two bars say the same of their day, whenever it became known."""
    return all(one[name] == other[name] for name in VALUES)


def merged(bars: Bars, news: Bars) -> Bars:
    """Return bars with others taken in, each in place of the one of its date."""
    kept = bars[~np.isin(bars["date"], news["date"])]
    together = np.concatenate([kept, news])
    return together[np.argsort(together["date"], kind="stable")]


def checksum(bars: Bars, before: int = 0) -> int:
    """Return a checksum of what bars say, going on from that of those before them."""
    # Bar by bar, so that it is the same however the bars are cut into pieces.
    timeless = bars.copy()
    timeless["as_of"] = 0
    return zlib.crc32(timeless.tobytes(), before)
