"""The rows of ml_predictions: what models say of the next day, from the bars so far alone."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from services.processor.bars import Bars
from services.processor.models import LEVEL, MAX_LOOK_BACK, Forecast, Model
from services.processor.rolling import Floats
from services.processor.technical import moments
from shared.datasets.ml_predictions import DATASET as ML_PREDICTIONS

_SATURDAY = 5


def log_returns(bars: Bars) -> Floats:
    """Return the log return of each bar, NaN for the first and where a close is not above 0."""
    closes = np.ascontiguousarray(bars["close"])
    found = np.full(len(closes), np.nan)
    with np.errstate(all="ignore"):
        found[1:] = np.log(closes[1:] / closes[:-1])
    found[1:][(closes[1:] <= 0) | (closes[:-1] <= 0)] = np.nan
    return found


def predictions(
    ticker: str, bars: Bars, first: int, models: Sequence[Model]
) -> Iterator[tuple[pa.Table, pa.ChunkedArray]]:
    """Yield the rows of ml_predictions made at the bars from `first` on, and each one's as_of.

    Made at final bars only, where a model has its `look_back` returns. A row became known when
    the newest of the bars that it is made from did. target_date is the next weekday, or the
    next day where there was a bar on a weekend of late; a holiday moves the truth, not the row.
    """
    begin = max(0, first - MAX_LOOK_BACK)
    cut, skip = bars[begin:], first - begin
    returns = log_returns(cut)
    targets = _next_days(cut["date"])
    for model in models:
        known = newest(cut["as_of"], model.look_back + 1)
        for target, forecast in model.forecast(returns).items():
            sound = cut["is_final"] & np.isfinite(np.stack(forecast)).all(axis=0)
            sound[:skip] = False
            at = np.flatnonzero(sound)
            if len(at):
                table = _rows(ticker, model, target, forecast, cut["date"], targets, known, at)
                yield table, moments(known[at])


def newest(as_of: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """Return the greatest as_of of the last `length` bars at each of them, of fewer at first."""
    padded = np.concatenate([np.full(length - 1, as_of.min(initial=0)), as_of])
    found: npt.NDArray[np.int64] = np.lib.stride_tricks.sliding_window_view(padded, length).max(1)
    return found


def _rows(
    ticker: str,
    model: Model,
    target: str,
    forecast: Forecast,
    days: npt.NDArray[np.int32],
    targets: npt.NDArray[np.int32],
    known: npt.NDArray[np.int64],
    at: npt.NDArray[np.intp],
) -> pa.Table:
    count = len(at)
    arrays = {
        "ticker": pa.array([ticker] * count),
        "model_name": pa.array([model.name] * count),
        "model_version": pa.array([model.version] * count),
        "target": pa.array([target] * count),
        "prediction_date": pa.array(days[at], pa.int32()).cast(pa.date32()),
        "target_date": pa.array(targets[at], pa.int32()).cast(pa.date32()),
        "prediction_value": pa.array(forecast.value[at]),
        "lower": pa.array(forecast.lower[at]),
        "upper": pa.array(forecast.upper[at]),
        "interval_level": pa.array([LEVEL] * count),
        "confidence": pa.nulls(count, pa.float64()),
        "inputs_as_of": moments(known[at]).combine_chunks(),
    }
    schema = ML_PREDICTIONS.arrow_schema
    return pa.table({name: arrays[name] for name in schema.names}, schema=schema)


def _next_days(days: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    weekday = (days + 3) % 7
    weekend = np.concatenate([np.zeros(9, bool), weekday >= _SATURDAY])
    trades = np.lib.stride_tricks.sliding_window_view(weekend, 10).any(axis=1)
    step = np.where(trades, 1, np.maximum(1, 3 - np.maximum(weekday - 4, 0) - 3 * (weekday < 4)))
    found: npt.NDArray[np.int32] = (days + step).astype(np.int32)
    return found
