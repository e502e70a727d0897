"""The technical features of a ticker as a notebook computes them: by pandas, from its bars."""

import numpy as np
import pandas as pd


def features(bars: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each bar, by date; NaN where there are too few."""
    close = bars["close"]
    change, previous = close.diff(), close.shift()
    gain, loss = (_smoothed(side.clip(lower=0), 14, 1 / 14, 1) for side in (change, -change))
    ranges = [bars["high"] - bars["low"], bars["high"] - previous, previous - bars["low"]]
    true_range = pd.concat(ranges, axis=1).max(axis=1)
    fast, slow = (_smoothed(close, days, 2 / (days + 1)) for days in (12, 26))
    middle, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    direction = np.sign(change).fillna(1.0)
    found = {
        "rsi_14": 100 * gain / (gain + loss),
        "macd": fast - slow,
        "macd_signal": _smoothed(fast - slow, 9, 2 / 10, 25),
        "bb_upper": middle + 2 * deviation,
        "bb_middle": middle,
        "bb_lower": middle - 2 * deviation,
        "sma_50": close.rolling(50).mean(),
        "sma_200": close.rolling(200).mean(),
        "ema_12": fast,
        "ema_26": slow,
        "atr_14": _smoothed(true_range, 14, 1 / 14, 1),
        "obv": (direction * bars["volume"]).cumsum(),
    }
    return pd.DataFrame(found).set_index(pd.Index(bars["date"], name="date"))


def _smoothed(values: pd.Series, days: int, weight: float, skip: int = 0) -> pd.Series:
    """Return an exponential mean whose first value is the plain mean of so many after `skip`."""
    seed = skip + days - 1
    seeded = values.astype(float).copy()
    seeded.iloc[:seed] = np.nan
    seeded.iloc[seed : seed + 1] = values.iloc[skip : skip + days].mean()
    return seeded.ewm(alpha=weight, adjust=False).mean()
