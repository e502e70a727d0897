"""Sums over the last n values, the same bit for bit however the values are cut into pieces."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def rolling_sum(values: Floats, length: int) -> Floats:
    """Return the sum of the last `length` values at each of them, NaN where there are fewer.

    Sums of 1, 2, 4 … values are added element by element, so no other value than those of
    the window, nor their number, has a part in a sum.
    """
    found = np.full(len(values), np.nan)
    count = len(values) - length + 1
    if count <= 0:
        return found
    total, begin, size, block = np.zeros(count), 0, 1, values
    while True:
        if length & size:
            total = total + block[begin : begin + count]
            begin += size
        if size * 2 > length:
            break
        block, size = block[:-size] + block[size:], size * 2
    found[length - 1 :] = total
    return found


def rolling_mean(values: Floats, length: int) -> Floats:
    """Return the mean of the last `length` values at each of them, NaN where there are fewer."""
    return rolling_sum(values, length) / length


def rolling_deviation(values: Floats, length: int) -> Floats:
    """Return the standard deviation (population) of the last `length` values at each of them.

    The squares of the distances from the mean are added, so that nothing cancels out.
    """
    mean = rolling_mean(values, length)
    found = np.full(len(values), np.nan)
    count = len(values) - length + 1
    if count <= 0:
        return found
    middle, total = mean[length - 1 :], np.zeros(count)
    for lag in range(length):
        distance = values[lag : lag + count] - middle
        total = total + distance * distance
    found[length - 1 :] = np.sqrt(total / length)
    return found
