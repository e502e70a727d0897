"""Indicators with a memory: each bar's figure follows from the one before, bar by bar."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.processor.bars import Bars

Floats = npt.NDArray[np.float64]

_FAST, _SLOW, _SIGNAL, _WILDER = 12, 26, 9, 14
_FAST_WEIGHT, _SLOW_WEIGHT, _SIGNAL_WEIGHT = (2.0 / (n + 1) for n in (_FAST, _SLOW, _SIGNAL))
_WARM = _SLOW + _SIGNAL
"""From this bar on nothing is being seeded any more."""


State = tuple[int, float, float, float, float, float, float, float, int, int]


class Smoothing(NamedTuple):
    """What the bars so far leave behind; while a figure is being seeded it holds a sum.

    bars      how many there were
    previous  the last close
    obv       a whole number of any size
    known     the greatest as_of so far, in microseconds
    """

    bars: int = 0
    previous: float = 0.0
    ema_12: float = 0.0
    ema_26: float = 0.0
    macd_signal: float = 0.0
    gain: float = 0.0
    loss: float = 0.0
    atr: float = 0.0
    obv: int = 0
    known: int = -(2**63)


class Smoothed(NamedTuple):
    """The figures of successive bars, null as NaN, and the `known` of each.

    gain and loss are Wilder's means, of which the RSI is made.
    """

    ema_12: Floats
    ema_26: Floats
    macd_signal: Floats
    gain: Floats
    loss: Floats
    atr: Floats
    obv: list[int]
    known: npt.NDArray[np.int64]

    def tail(self, start: int) -> "Smoothed":
        """Return the figures from a position on."""
        figures, obv, known = self[:6], self.obv[start:], self.known[start:]
        fast, slow, signal, gain, loss, atr = (column[start:] for column in figures)
        return Smoothed(fast, slow, signal, gain, loss, atr, obv, known)


def smooth(start: Smoothing, bars: Bars) -> tuple[Smoothing, Smoothed]:
    """Return what bars leave behind that follow on `start`, and the figures of each.

    The same bit for bit in one call or in many. The sources: Appel for MACD, Wilder, "New
    Concepts in Technical Trading Systems" (1978), for RSI and ATR, Granville for OBV.

    - ema_n: the mean of the first n closes, then ema + (close - ema) * 2 / (n + 1)
    - macd_signal: the 9-day EMA of ema_12 - ema_26, seeded with the mean of its first nine
    - gain, loss: the mean of the first 14 rises (falls), then (13 * mean + rise) / 14
    - atr: the same of the true ranges, of which the first bar has none
    - obv: the first bar's volume, then the volume of days that rose less of those that fell
    """
    states = list(_steps(start, bars))
    if not states:
        none = np.empty(0)
        return start, Smoothed(none, none, none, none, none, none, [], np.empty(0, np.int64))
    counts = np.arange(start.bars + 1, start.bars + 1 + len(states))
    columns = list(zip(*states, strict=True))
    begun = (_FAST, _SLOW, _WARM - 1, _WILDER + 1, _WILDER + 1, _WILDER + 1)
    fast, slow, signal, gain, loss, atr = (
        np.where(counts >= first, np.array(column, np.float64), np.nan)
        for first, column in zip(begun, columns[2:8], strict=True)
    )
    known = np.array(columns[9], np.int64)
    smoothed = Smoothed(fast, slow, signal, gain, loss, atr, list(columns[8]), known)
    return Smoothing(*states[-1]), smoothed


def _steps(start: Smoothing, bars: Bars) -> Iterator[State]:
    columns = (bars[name].tolist() for name in ("close", "high", "low", "volume", "as_of"))
    rows = zip(*columns, strict=True)
    state = start
    while state.bars < _WARM:
        bar = next(rows, None)
        if bar is None:
            return
        state = _seed(state, *bar)
        yield state
    yield from _run(state, rows)


def _seed(
    state: Smoothing, close: float, high: float, low: float, volume: int, as_of: int
) -> Smoothing:
    """Take one bar while some figures are being seeded."""
    count, previous = state.bars + 1, state.previous
    known = max(state.known, as_of)
    fast = _mean(state.ema_12, close, count, _FAST)
    slow = _mean(state.ema_26, close, count, _SLOW)
    signal = _mean(state.macd_signal, fast - slow, count - _SLOW + 1, _SIGNAL)
    if count == 1:
        return Smoothing(1, close, fast, slow, signal, 0.0, 0.0, 0.0, volume, known)
    change = close - previous
    return Smoothing(
        count,
        close,
        fast,
        slow,
        signal,
        _wilder(state.gain, max(change, 0.0), count - 1),
        _wilder(state.loss, max(-change, 0.0), count - 1),
        _wilder(state.atr, max(high, previous) - min(low, previous), count - 1),
        state.obv + volume * ((change > 0) - (change < 0)),
        known,
    )


def _run(state: Smoothing, rows: Iterable[tuple[float, float, float, int, int]]) -> Iterator[State]:
    """Take bars once all is seeded: most bars pass here, so nothing is called."""
    count, previous, fast, slow, signal, gain, loss, atr, obv, known = state
    for close, high, low, volume, as_of in rows:
        count += 1
        change = close - previous
        fast += (close - fast) * _FAST_WEIGHT
        slow += (close - slow) * _SLOW_WEIGHT
        signal += (fast - slow - signal) * _SIGNAL_WEIGHT
        rise = fall = 0.0
        if change > 0:
            rise = change
            obv += volume
        elif change < 0:
            fall = -change
            obv -= volume
        gain = (gain * 13 + rise) / 14
        loss = (loss * 13 + fall) / 14
        top = high if high > previous else previous
        bottom = low if low < previous else previous
        atr = (atr * 13 + (top - bottom)) / 14
        if as_of > known:
            known = as_of
        previous = close
        yield count, close, fast, slow, signal, gain, loss, atr, obv, known


def _mean(so_far: float, value: float, count: int, length: int) -> float:
    """Return an EMA after its count-th value: the sum of the first ones, their mean, then on."""
    if count < 1:
        return 0.0
    if count > length:
        return so_far + (value - so_far) * (2.0 / (length + 1))
    return so_far + value if count < length else (so_far + value) / length


def _wilder(so_far: float, value: float, count: int) -> float:
    """Return Wilder's mean after its count-th value."""
    if count > _WILDER:
        return (so_far * 13 + value) / 14
    return so_far + value if count < _WILDER else (so_far + value) / _WILDER
