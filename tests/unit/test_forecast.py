"""Predictions and their scores: made of the past alone, and no skill shown where there is none."""

import math

import numpy as np
import pyarrow as pa
import pytest

from services.processor.bars import Bars
from services.processor.forecast import predictions
from services.processor.models import LEVEL, NAIVE, RETURN, TARGETS, Ewma, Model
from services.processor.scoring import CASES, FEWEST, performance
from tests.unit.bars import random_bars, real_bars

MODELS: list[Model] = [NAIVE, Ewma()]
DAY = 86_400_000_000


def live(count: int, seed: int = 0) -> Bars:
    """Return bars that became known a day after their own."""
    bars = random_bars(count, seed)
    bars["as_of"] = (bars["date"].astype(np.int64) + 1) * DAY
    return bars


def told(bars: Bars, first: int = 0) -> list[tuple[dict[str, object], object]]:
    found = []
    for table, as_of in predictions("T", bars, first, MODELS):
        found += list(zip(table.to_pylist(), as_of.to_pylist(), strict=True))
    return found


def scored(bars: Bars, first: int = 0) -> list[tuple[dict[str, object], object]]:
    made = performance("T", bars, first, MODELS)
    assert made is not None
    return list(zip(made[0].to_pylist(), made[1].to_pylist(), strict=True))


def shifted(bars: Bars, since: int) -> Bars:
    other = bars.copy()
    for name in ("high", "low", "close"):
        other[name][since:] *= 3
    other["volume"][since:] += 7
    other["as_of"][since:] += DAY
    return other


def test_the_future_changes_no_past_prediction_and_no_past_score() -> None:
    bars, since = live(500), 400
    other, day = shifted(bars, since), np.datetime64(int(bars["date"][since]), "D").item()
    for made, when in ((told, "prediction_date"), (scored, "evaluation_date")):
        before = [row for row in made(bars) if row[0][when] < day]  # type: ignore[operator]
        after = [row for row in made(other) if row[0][when] < day]  # type: ignore[operator]
        assert before == after and len(before) > 500


@pytest.mark.parametrize("first", [1, 74, 300, 499])
def test_only_what_is_new_is_said_and_it_is_what_all_bars_at_once_say(first: int) -> None:
    bars = live(500)
    day = np.datetime64(int(bars["date"][first]), "D").item()
    everything = told(bars)
    assert told(bars, first) == [r for r in everything if r[0]["prediction_date"] >= day]  # type: ignore[operator]
    # A month's first bar also tells the score of the month before.
    news, all_scores = scored(bars, first), scored(bars)
    since = [row for row in all_scores if row[0]["evaluation_date"] >= day]  # type: ignore[operator]
    assert [row for row in news if row[0]["evaluation_date"] >= day] == since  # type: ignore[operator]
    assert all(row in all_scores for row in news[:50])


def test_a_prediction_says_what_the_formula_says_and_from_what_it_was_made() -> None:
    bars = live(120)
    rows = {(r["model_name"], r["target"]): r for r, _ in told(bars, 119)}
    returns = np.diff(np.log(bars["close"]))[-74:]
    weights = 0.94 ** np.arange(74)[::-1]
    mean = np.average(returns, weights=weights)
    sigma = math.sqrt(np.average(returns**2, weights=weights))
    ewma = rows["ewma", RETURN]
    assert ewma["prediction_value"] == pytest.approx(mean)
    assert ewma["upper"] == pytest.approx(mean + 1.6448536 * sigma)
    assert rows["ewma", TARGETS[1]]["prediction_value"] == pytest.approx(sigma * 0.7978845608)
    assert rows["naive", RETURN]["prediction_value"] == 0
    assert rows["naive", TARGETS[1]]["prediction_value"] == pytest.approx(abs(returns[-1]))
    assert {row["interval_level"] for row in rows.values()} == {LEVEL}
    newest = int(bars["as_of"].max())
    assert {row["inputs_as_of"].timestamp() * 1e6 for row in rows.values()} == {newest}  # type: ignore[attr-defined]


def test_nothing_is_said_from_too_little_of_an_open_session_or_of_impossible_prices() -> None:
    assert told(live(74)) == [] and len(told(live(75))) == 4
    bars = live(75)
    bars["is_final"][-1] = False
    assert told(bars) == []
    bars = live(75)
    bars["close"][30] = 0.0
    assert told(bars) == []


def figures(bars: Bars, model: str, target: str) -> dict[object, float]:
    """Return a model's newest scores by metric."""
    rows = [r for r, _ in scored(bars) if (r["model_name"], r["target"]) == (model, target)]
    newest = max(row["evaluation_date"] for row in rows)  # type: ignore[type-var]
    return {
        r["metric_name"]: r["metric_value"]  # type: ignore[misc]
        for r in rows
        if r["evaluation_date"] == newest
    }


def test_a_score_is_what_predictions_and_truth_say_by_hand() -> None:
    bars = live(400)
    returns = np.diff(np.log(bars["close"]))
    made = [r for r, _ in told(bars) if (r["model_name"], r["target"]) == ("ewma", RETURN)]
    said = np.array([r["prediction_value"] for r in made[:-1]], float)[-CASES:]
    low, high = (np.array([r[n] for r in made[:-1]], float)[-CASES:] for n in ("lower", "upper"))
    truth = returns[-CASES:]
    found = figures(bars, "ewma", RETURN)
    assert found["mae"] == pytest.approx(np.abs(said - truth).mean())
    assert found["rmse"] == pytest.approx(math.sqrt(((said - truth) ** 2).mean()))
    assert found["interval_coverage"] == pytest.approx(((low <= truth) & (truth <= high)).mean())
    assert found["skill"] == pytest.approx(1 - ((said - truth) ** 2).mean() / (truth**2).mean())
    moved = truth != 0
    right = np.sign(said[moved]) == np.sign(truth[moved])
    assert found["directional_accuracy"] == pytest.approx(right.mean())


def test_a_model_without_skill_shows_none() -> None:
    for ticker in ("TSLA", "NVDA"):
        bars = real_bars(ticker)
        assert figures(bars, "naive", RETURN)["skill"] == 0
        assert abs(figures(bars, "ewma", RETURN)["skill"]) < 0.1
        assert 0.8 < figures(bars, "ewma", RETURN)["interval_coverage"] <= 1


def test_too_few_cases_have_no_score() -> None:
    assert performance("T", live(74 + FEWEST), 0, MODELS) is None
    assert isinstance(performance("T", live(76 + FEWEST), 0, MODELS), tuple)


def test_a_ticker_with_one_bar_or_a_10000_for_1_split_breaks_nothing() -> None:
    assert told(live(1)) == [] and performance("T", live(1), 0, MODELS) is None
    bars = live(400)
    bars["close"][300:] /= 10_000
    assert isinstance(performance("T", bars, 0, MODELS), tuple)
    assert all(math.isfinite(r["prediction_value"]) for r, _ in told(bars))  # type: ignore[arg-type]
    assert isinstance(pa.Table.from_pylist([r for r, _ in told(bars)]), pa.Table)
