"""The columns of technical_features, computed from bars."""

from typing import Any

import numpy as np
import pyarrow as pa

from services.processor.bars import Bars
from services.processor.rolling import Floats, rolling_deviation, rolling_mean
from services.processor.smoothing import Smoothed
from shared.columns import INT64_MAX, INT64_MIN, UTC_MICROSECONDS
from shared.datasets.technical_features import DATASET as TECHNICAL_FEATURES

LOOK_BACK = 200
"""So many closes, the bar's own among them, are all that a rolling figure is made from."""

_BAND_DAYS, _BAND_WIDTH = 20, 2.0


def technical_features(
    ticker: str, bars: Bars, first: int, smoothed: Smoothed, *, has_volume: bool = True
) -> tuple[pa.Table, pa.ChunkedArray]:
    """Return the rows of technical_features for the bars from `first` on, and each one's as_of.

    `smoothed` belongs to those bars; before them stand LOOK_BACK - 1 bars, or all there are.
    Null is what too few bars, or figures beyond a double's range, leave undefined. A row's
    as_of is the greatest of all bars up to its own.

    - rsi_14: 100 * gain / (gain + loss) of Wilder's means; null where no close ever differed
    - macd: ema_12 - ema_26, each seeded with its own first closes; macd_signal is its EMA
    - bb_middle: the mean of 20 closes; bb_upper, bb_lower: 2 population deviations off (Bollinger)
    - sma_50, sma_200: means of closes; ema_12, ema_26, atr_14, obv: see `smooth`
    """
    begin = max(0, first - LOOK_BACK + 1)
    closes, skip = np.ascontiguousarray(bars["close"][begin:]), first - begin
    with np.errstate(all="ignore"):
        middle = rolling_mean(closes, _BAND_DAYS)
        width = _BAND_WIDTH * rolling_deviation(closes, _BAND_DAYS)
        columns: dict[str, Floats] = {
            "rsi_14": 100 * smoothed.gain / (smoothed.gain + smoothed.loss),
            "macd": smoothed.ema_12 - smoothed.ema_26,
            "macd_signal": smoothed.macd_signal,
            "bb_upper": (middle + width)[skip:],
            "bb_middle": middle[skip:],
            "bb_lower": (middle - width)[skip:],
            "sma_50": rolling_mean(closes, 50)[skip:],
            "sma_200": rolling_mean(closes, 200)[skip:],
            "ema_12": smoothed.ema_12,
            "ema_26": smoothed.ema_26,
            "atr_14": smoothed.atr,
        }
    arrays: dict[str, Any] = {
        "ticker": pa.array([ticker] * len(smoothed.known)),
        "date": pa.array(bars["date"][first:]).cast(pa.date32()),
        **{name: nullable(values) for name, values in columns.items()},
        "obv": pa.array([_bigint(total) if has_volume else None for total in smoothed.obv]),
    }
    schema = TECHNICAL_FEATURES.arrow_schema
    table = pa.table({name: arrays[name] for name in schema.names}, schema=schema)
    return table, moments(smoothed.known)


def nullable(values: Floats) -> pa.Array:
    """Return figures with null for those that are not finite."""
    return pa.array(values, mask=~np.isfinite(values))


def moments(microseconds: Any) -> pa.ChunkedArray:
    """Return microseconds since 1970 as a column of moments in UTC."""
    return pa.chunked_array([pa.array(microseconds, pa.int64()).cast(UTC_MICROSECONDS)])


def _bigint(total: int) -> int | None:
    return total if INT64_MIN <= total <= INT64_MAX else None
