"""Technical indicators: against an independent library, and however the bars arrive."""

from random import Random

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from services.processor.bars import Bars, merged
from services.processor.technical import technical_features
from services.processor.ticker import (
    CONTEXT,
    WINDOW,
    Ticker,
    first_news,
    news_in,
    pack,
    rebuilt,
    take_in,
    unpack,
)
from tests.unit.bars import random_bars, real_bars

NAMES = ("rsi_14", "macd", "macd_signal", "bb_upper", "bb_middle", "bb_lower", "sma_50", "sma_200",
         "ema_12", "ema_26", "atr_14", "obv")  # fmt: skip


def whole(bars: Bars) -> dict[str, list[object]]:
    _, change = rebuilt(bars)
    rows: dict[str, list[object]] = technical_features("T", *change)[0].to_pydict()
    return rows


def column(features: dict[str, list[object]], name: str) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in features[name]], float)


@pytest.mark.parametrize("ticker", ["TSLA", "CALM", "4063.T", "IBE.MC", "REL.L", "NVDA"])
def test_equals_an_independent_library_on_real_bars(ticker: str) -> None:
    bars = real_bars(ticker)
    assert len(bars) > 240
    close, high, low = (bars[name].copy() for name in ("close", "high", "low"))
    volume = bars["volume"].astype(float)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    # TA-Lib's own MACD seeds its fast EMA with later closes than ema_12 is seeded with.
    macd = talib.EMA(close, 12) - talib.EMA(close, 26)
    signal = np.concatenate([[np.nan] * 25, talib.EMA(macd[25:], 9)])
    expected = {
        "rsi_14": talib.RSI(close, 14), "macd": macd, "macd_signal": signal,
        "bb_upper": upper, "bb_middle": middle, "bb_lower": lower,
        "sma_50": talib.SMA(close, 50), "sma_200": talib.SMA(close, 200),
        "ema_12": talib.EMA(close, 12), "ema_26": talib.EMA(close, 26),
        "atr_14": talib.ATR(high, low, close, 14), "obv": talib.OBV(close, volume),
    }  # fmt: skip
    features = whole(bars)
    assert set(expected) == set(NAMES)
    for name, figures in expected.items():
        scale = 1.0 if name == "obv" else np.nanmax(np.abs(close))
        np.testing.assert_allclose(
            column(features, name), figures, rtol=1e-9, atol=1e-9 * scale, err_msg=name
        )


def test_nothing_is_said_before_there_are_enough_bars() -> None:
    features = whole(random_bars(250))
    first = {name: int(np.flatnonzero(~np.isnan(column(features, name)))[0]) for name in NAMES}
    assert first == {
        "rsi_14": 14, "macd": 25, "macd_signal": 33, "bb_upper": 19, "bb_middle": 19,
        "bb_lower": 19, "sma_50": 49, "sma_200": 199, "ema_12": 11, "ema_26": 25, "atr_14": 14,
        "obv": 0,
    }  # fmt: skip


def test_one_bar_has_a_volume_and_no_more() -> None:
    features = whole(random_bars(1))
    assert [name for name in NAMES if features[name] != [None]] == ["obv"]


def same(one: Ticker, other: Ticker) -> bool:
    return pack(one) == pack(other)


@settings(deadline=None, max_examples=25)
@given(
    count=st.sampled_from([1, 33, 35, 200, 261, 589, 591, 900]),
    cuts=st.lists(st.integers(0, 900), max_size=6),
    seed=st.integers(0, 99),
)
def test_in_pieces_or_at_once_is_the_same_bit_for_bit(
    count: int, cuts: list[int], seed: int
) -> None:
    bars = random_bars(count, seed)
    at_once, _ = rebuilt(bars)
    expected, ticker, found = whole(bars), Ticker(), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), count], strict=True):
        ticker, change = take_in(unpack(pack(ticker)), bars[begin:end])
        if change is not None:
            found.append(technical_features("T", *change)[0].to_pydict())
    assert same(ticker, at_once)
    for name in NAMES:
        assert [value for piece in found for value in piece[name]] == expected[name]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, WINDOW - 1), st.integers(0, 99), st.sampled_from([40, 600, 900]))
def test_a_correction_in_the_window_recomputes_what_follows(
    back: int, seed: int, count: int
) -> None:
    bars = random_bars(count, seed)
    position = max(0, count - 1 - back)
    correction = bars[position : position + 1].copy()
    correction["close"] /= 10_000
    correction["as_of"] += 5
    ticker, change = take_in(rebuilt(bars)[0], correction)
    right = merged(bars, correction)
    assert same(ticker, rebuilt(right)[0])
    assert change is not None
    rows, known = technical_features("T", *change)
    expected = whole(right)
    for name in NAMES:
        assert rows[name].to_pylist() == expected[name][position:]
    assert {moment.microsecond for moment in known.to_pylist()} == {1_005}


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_the_order_of_arrival_does_not_matter_inside_the_window(random: Random, seed: int) -> None:
    bars = random_bars(WINDOW, seed)
    order = list(range(len(bars)))
    random.shuffle(order)
    ticker = Ticker()
    for begin in range(0, len(order), 50):
        for piece in news_in(ticker, bars[order[begin : begin + 50]]):
            ticker, _ = take_in(ticker, piece)
    assert same(ticker, rebuilt(bars)[0])


def test_what_is_known_already_is_no_news() -> None:
    bars = random_bars(300)
    ticker, _ = rebuilt(bars)
    again = bars[-20:].copy()
    again["as_of"] += 7
    stale = bars[-20:].copy()
    stale["close"] += 1
    stale["as_of"] -= 7
    assert news_in(ticker, np.concatenate([again, bars[-20:], stale])) == []


@given(st.sampled_from([40, 600, 900]), st.integers(0, 60), st.integers(0, 899))
def test_of_all_bars_only_those_are_news_that_say_something_else(
    count: int, more: int, corrected: int
) -> None:
    bars = random_bars(count + more)
    bars["as_of"] += 9
    ticker, _ = rebuilt(random_bars(count + more)[:count])
    assert first_news(ticker, bars, 0) == count
    bars["volume"][corrected % count] += 1
    since = int(bars["date"][corrected % count])
    assert first_news(ticker, bars, since) == corrected % count


def test_each_state_of_knowledge_has_its_figures_however_records_are_batched() -> None:
    bars = random_bars(60)
    correction = bars[30:31].copy()
    correction["close"] += 1
    correction["as_of"] = 2_000
    records = np.concatenate([bars, correction])
    assert [len(piece) for piece in news_in(Ticker(), records)] == [60, 1]


def test_the_future_changes_no_past_figure() -> None:
    bars = random_bars(700)
    shifted = bars.copy()
    shifted["close"][650:] *= 3
    for name in NAMES:
        assert whole(bars)[name][:650] == whole(shifted)[name][:650]


def test_what_is_kept_reaches_back_far_enough() -> None:
    ticker, _ = rebuilt(random_bars(2_000))
    assert ticker.window == CONTEXT
    assert len(ticker.bars) == CONTEXT + WINDOW


def test_figures_beyond_a_double_or_an_integer_are_null() -> None:
    bars = random_bars(300)
    bars["close"][100:] = 1.7e308
    bars["volume"][:] = 2**62
    bars["close"][:50] = np.arange(1, 51)
    features = whole(bars)
    assert features["sma_200"][-1] is None
    assert features["obv"][10] is None
