"""The rows of model_performance: predictions beside what came, and beside the naive ones."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from services.processor.bars import Bars
from services.processor.forecast import log_returns, newest
from services.processor.models import MAX_LOOK_BACK, NAIVE, RETURN, TARGETS, Forecast, Model
from services.processor.rolling import Floats, rolling_sum
from services.processor.technical import moments
from shared.datasets.model_performance import DATASET as MODEL_PERFORMANCE

CASES = 250
"""A score is over so many targets at most, about a year of them."""

FEWEST = 20
LOOK_BACK = CASES + MAX_LOOK_BACK + 2
_LIVE = 7 * 86_400_000_000


class Score(NamedTuple):
    """A model's figures at each bar, over the targets up to it."""

    mae: Floats
    rmse: Floats
    directional_accuracy: Floats
    interval_coverage: Floats
    mse: Floats


def performance(
    ticker: str, bars: Bars, first: int, models: Sequence[Model]
) -> tuple[pa.Table, pa.ChunkedArray] | None:
    """Return the rows of model_performance that bars from `first` on bring, and their as_of.

    Each prediction is scored by the next final bar. Scores are over the last 250 targets of
    the ticker and stand at the last bar of each month, which the next month's first tells, and
    at each bar that came within a week of its day (dataset_type live; else test). skill is 1
    less the ratio of the mean square errors of model and naive prediction: 0 for the naive one
    itself. A direction is judged only where one was predicted and one came. None where there
    are fewer than 20 cases.
    """
    begin = max(0, first - 1 - LOOK_BACK)
    cut = bars[begin:]
    at = _evaluated(cut, max(0, first - 1 - begin))
    if not len(at):
        return None
    returns = log_returns(cut)
    truth = {RETURN: returns, TARGETS[1]: np.abs(returns)}
    naive = NAIVE.forecast(returns)
    rows: list[dict[str, Any]] = []
    for model in models:
        told = model.forecast(returns)
        for target in told.keys() & naive.keys():
            valid = _cases(cut, truth[target], told[target], naive[target])
            counts = _total(valid.astype(float), valid)
            score = _score(told[target], truth[target], valid, counts)
            base = _score(naive[target], truth[target], valid, counts)
            rows += _rows(ticker, model, target, cut, at[counts[at] >= FEWEST], counts, score, base)
    if not rows:
        return None
    known = newest(cut["as_of"], LOOK_BACK)
    places = [row.pop("at") for row in rows]
    table = pa.Table.from_pylist(rows, schema=MODEL_PERFORMANCE.arrow_schema)
    return table, moments(known[places])


def _evaluated(cut: Bars, start: int) -> npt.NDArray[np.intp]:
    """Return the positions from `start` on at which scores stand."""
    months = cut["date"].astype("datetime64[D]").astype("datetime64[M]")
    ends = np.append(months[1:] != months[:-1], False)
    wanted = cut["is_final"] & (ends | _is_live(cut))
    wanted[:start] = False
    return np.flatnonzero(wanted)


def _is_live(cut: Bars) -> npt.NDArray[np.bool_]:
    day = cut["date"].astype(np.int64) * 86_400_000_000
    found: npt.NDArray[np.bool_] = cut["as_of"] - day <= _LIVE
    return found


def _cases(cut: Bars, truth: Floats, told: Forecast, naive: Forecast) -> npt.NDArray[np.bool_]:
    """Return at which bars a prediction of both models met its truth."""
    final = cut["is_final"]
    made = np.isfinite(np.stack([*told, *naive])).all(axis=0) & final
    found = np.zeros(len(cut), bool)
    found[1:] = made[:-1] & final[1:] & np.isfinite(truth[1:])
    return found


def _score(told: Forecast, truth: Floats, valid: npt.NDArray[np.bool_], counts: Floats) -> Score:
    value, lower, upper = (np.concatenate([[np.nan], column[:-1]]) for column in told)
    with np.errstate(all="ignore"):
        error = value - truth
        square = _total(error * error, valid) / counts
        judged = valid & (value != 0) & (truth != 0)
        right = _total((np.sign(value) == np.sign(truth)).astype(float), judged)
        held = (lower <= truth) & (truth <= upper)
        return Score(
            _total(np.abs(error), valid) / counts,
            np.sqrt(square),
            right / _total(np.ones(len(truth)), judged),
            _total(held.astype(float), valid) / counts,
            square,
        )


def _total(values: Floats, valid: npt.NDArray[np.bool_]) -> Floats:
    """Return the sum of the valid ones among the last CASES values."""
    padded = np.concatenate([np.zeros(CASES - 1), np.where(valid, values, 0.0)])
    return rolling_sum(padded, CASES)[CASES - 1 :]


def _rows(
    ticker: str,
    model: Model,
    target: str,
    cut: Bars,
    at: npt.NDArray[np.intp],
    counts: Floats,
    score: Score,
    base: Score,
) -> Iterator[dict[str, Any]]:
    live = _is_live(cut)
    with np.errstate(all="ignore"):
        skill = 1 - score.mse / base.mse
    figures = {name: (getattr(score, name), getattr(base, name)) for name in Score._fields[:4]}
    if target != RETURN:
        del figures["directional_accuracy"]
    figures["skill"] = (skill, np.zeros(len(cut)))
    for name, (own, naive) in figures.items():
        for place in at.tolist():
            yield {
                "at": place,
                "model_name": model.name,
                "model_version": model.version,
                "target": target,
                "horizon": 1,
                "universe": ticker,
                "evaluation_date": np.datetime64(int(cut["date"][place]), "D").item(),
                "metric_name": name,
                "dataset_type": "live" if live[place] else "test",
                "metric_value": _finite(own[place]),
                "n": int(counts[place]),
                "baseline_value": _finite(naive[place]),
            }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
