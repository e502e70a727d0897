"""Long series for a screen: the points that the eye would see, and a word that they are fewer."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tsdownsample import MinMaxLTTBDownsampler

Indices = npt.NDArray[np.intp]
SCREEN_POINTS = 2_000
"""As many as a wide screen has columns; a series with more is thinned out."""


def for_screen(frame: pd.DataFrame, value: str, points: int = SCREEN_POINTS) -> pd.DataFrame:
    """Return the rows of a series, ordered in time, whose shape is that of all of them.

    Minima and maxima survive (MinMaxLTTB), so do the first and the last value, and holes wide
    enough to be seen. A series of `points` rows or fewer is returned as it is.
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
    return frame.iloc[np.union1d(chosen, _wide(holes, 2 * len(frame) // points))]


def _wide(holes: Indices, rows: int) -> Indices:
    """Return the first of each run of holes that is longer than so many rows."""
    runs = np.split(holes, np.flatnonzero(np.diff(holes) > 1) + 1)
    return np.array([run[0] for run in runs if len(run) > rows], dtype=np.intp)


def told(shown: int, all_rows: int) -> str:
    """Return what a picture says of its points; nothing where all are drawn."""
    if shown >= all_rows:
        return ""
    return f"{shown:,} of {all_rows:,} points drawn, peaks and troughs kept; downloads hold all"
