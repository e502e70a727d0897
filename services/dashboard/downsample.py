"""Long series for a screen: the points that the eye would see, and a word that they are fewer."""

from typing import Any

import numpy as np
import pandas as pd
from tsdownsample import MinMaxLTTBDownsampler

SCREEN_POINTS = 2_000
"""As many as a wide screen has columns; a series with more is thinned out."""


def for_screen(frame: pd.DataFrame, value: str, points: int = SCREEN_POINTS) -> pd.DataFrame:
    """Return the rows of a series, ordered in time, whose shape is that of all of them.

    Minima and maxima survive (MinMaxLTTB). A series of `points` rows or fewer is returned as
    it is; so is the first and the last row of any.
    """
    if len(frame) <= points:
        return frame
    values = np.ascontiguousarray(frame[value].to_numpy(dtype=np.float64))
    holes = np.flatnonzero(np.isnan(values))
    solid = np.flatnonzero(~np.isnan(values))
    if len(solid) <= points:
        return frame
    thinning: Any = MinMaxLTTBDownsampler
    chosen = solid[thinning().downsample(values[solid], n_out=points)]
    # A hole stays a hole: the row without a value that follows a value.
    kept = np.union1d(chosen, holes[: points // 10])
    return frame.iloc[kept]


def told(shown: int, all_rows: int) -> str:
    """Return what a picture says of its points; nothing where all are drawn."""
    if shown >= all_rows:
        return ""
    return f"{shown:,} of {all_rows:,} points drawn, peaks and troughs kept; downloads hold all"
