"""The dashboard's pictures: what they are made of, and that they can be told from their page."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dashboard import palette
from services.dashboard.downsample import SCREEN_POINTS, for_screen, told
from services.dashboard.figures import economy, flows, markets, pipeline, revisions, volatility
from services.dashboard.figures.layout import with_gaps
from services.dashboard.moment import Known, Moment, how_known
from shared.registry import discover


def days(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("page", [palette.LIGHT_PAGE, palette.DARK_PAGE])
@pytest.mark.parametrize("colour", palette.SERIES)
def test_every_line_is_told_from_light_and_dark_pages(colour: str, page: str) -> None:
    assert contrast(colour, page) >= 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_links_have_the_contrast_of_aa_and_so_has_what_is_faded(scheme: str) -> None:
    theme = {name.rpartition(".")[2]: v for name, v in palette.THEME.items() if scheme in name}
    page, text = theme["backgroundColor"], theme["textColor"]
    mixed = [
        round(0.6 * int(text[i : i + 2], 16) + 0.4 * int(page[i : i + 2], 16)) for i in (1, 3, 5)
    ]
    for colour in (text, theme["linkColor"], "#" + "".join(f"{part:02x}" for part in mixed)):
        assert contrast(colour, page) >= 4.5, colour


def test_a_change_compares_with_a_year_before_and_not_with_a_hole() -> None:
    series = pd.DataFrame(
        {
            "date": days("2020-01-01", "2020-04-01", "2021-01-01", "2021-04-01", "2023-01-01"),
            "value": [100.0, np.nan, 110.0, 121.0, 130.0],
        }
    )
    changed = economy.shaped(series, economy.Shape.CHANGE)
    assert changed["date"].tolist() == series["date"].tolist()
    assert changed["value"].round(6).tolist()[2] == 10.0
    assert changed["value"].isna().tolist() == [True, True, False, True, True]
    index = economy.shaped(series, economy.Shape.INDEX)["value"]
    assert index.dropna().round(6).tolist() == [100.0, 110.0, 121.0, 130.0]


def test_series_of_different_units_have_panels_of_their_own() -> None:
    one = pd.DataFrame({"date": days("2020-01-01", "2020-02-01"), "value": [1.0, 2.0]})
    units = {"A": "Percent", "B": "Dollars", "C": "Percent"}
    recession = [(pd.Timestamp("2019-01-01"), pd.Timestamp("2020-01-15"))]
    figure, shown, whole = economy.draw(dict.fromkeys("ABC", one), {}, units, recession)
    assert [trace.yaxis for trace in figure.data] == ["y", "y2", "y"]
    assert (shown, whole) == (6, 6)
    assert {str(shape.x1)[:10] for shape in figure.layout.shapes} == {"2020-01-15"}


def test_recessions_are_the_runs_of_ones() -> None:
    months = days("2007-12-01", "2008-01-01", "2008-02-01", "2008-03-01", "2020-03-01")
    usrec = pd.DataFrame({"date": months, "value": [0.0, 1.0, 1.0, 0.0, 1.0]})
    spans = [(str(a)[:10], str(b)[:10]) for a, b in economy.recessions(usrec)]
    assert spans == [("2008-01-01", "2008-02-29"), ("2020-03-01", "2020-03-31")]
    assert economy.recessions(usrec.iloc[:0]) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.data())
def test_every_vintage_is_what_was_known_then(dates: int, data: st.DataObject) -> None:
    rows = []
    for day in pd.date_range("2000-01-01", periods=dates, freq="MS"):
        moments = data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=4, unique=True))
        known = [
            pd.Timestamp("2001-01-01", tz="UTC") + pd.Timedelta(days=m) for m in sorted(moments)
        ]
        rows += [
            {"date": day, "value": float(i), "known_from": at, "known_until": until}
            for i, (at, until) in enumerate(zip(known, [*known[1:], pd.NaT], strict=True))
        ]
    versions = pd.DataFrame(rows)
    versions["known_until"] = pd.to_datetime(versions["known_until"], utc=True)
    for moment in revisions.vintages(versions):
        line = revisions.as_known(versions, moment)
        before = versions[versions["known_from"] <= moment]
        newest = before.sort_values("known_from").groupby("date")["value"].last()
        assert line.set_index("date")["value"].to_dict() == newest.to_dict()


def test_then_stands_beside_now_also_where_one_is_missing() -> None:
    then = pd.DataFrame({"date": days("2008-01-01", "2008-04-01"), "value": [100.0, -1.0]})
    now = pd.DataFrame({"date": days("2008-01-01", "2008-07-01"), "value": [103.0, 5.0]})
    table = revisions.beside(then, now)
    assert table["percent"].round(6).fillna(-9).tolist() == [3.0, -9, -9]
    assert table["now"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("rows", [0, 1, SCREEN_POINTS, SCREEN_POINTS + 1, 50_000])
def test_a_thinned_series_keeps_its_ends_and_extremes(rows: int) -> None:
    values = np.random.default_rng(1).normal(size=rows).cumsum()
    frame = pd.DataFrame({"date": pd.RangeIndex(rows), "value": values})
    thin = for_screen(frame, "value")
    assert len(thin) <= max(SCREEN_POINTS, 1)
    assert thin["date"].is_monotonic_increasing
    if rows:
        assert {thin["value"].min(), thin["value"].max()} == {values.min(), values.max()}
        assert {0, rows - 1} <= set(thin["date"])
    assert bool(told(len(thin), rows)) == (rows > SCREEN_POINTS)


def test_a_hole_is_drawn_where_it_is_wide_enough_to_be_seen() -> None:
    values = np.arange(20_000.0)
    values[100] = np.nan
    values[5_000:5_500] = np.nan
    thin = for_screen(pd.DataFrame({"date": pd.RangeIndex(20_000), "value": values}), "value")
    assert thin.loc[thin["value"].isna(), "date"].tolist() == [5_000]


def test_a_line_is_broken_where_periods_are_missing() -> None:
    weeks = days("2014-05-07", "2014-05-14", "2014-05-21", "2014-07-02")
    broken = with_gaps(pd.DataFrame({"week": weeks, "total": [1.0, 2.0, 3.0, 4.0]}), "week")
    assert broken["total"].isna().tolist() == [False, False, False, True, False]
    whole = pd.DataFrame({"week": weeks[:3], "total": [1.0, 2.0, 3.0]})
    assert with_gaps(whole, "week").equals(whole)


@pytest.mark.parametrize(
    ("as_of", "known", "share"),
    [
        (["2008-10-30T23:59:59.999999Z", "2008-07-31T23:59:59.999999Z"], Known.VINTAGE, 1.0),
        (["2008-10-30T12:00:00Z", "2008-07-31T23:59:59.999999Z"], Known.OBSERVED, 0.5),
        (["2023-01-01T12:00:00Z", "2008-07-31T23:59:59.999999Z"], Known.ASSUMED, 0.5),
    ],
)
def test_the_badge_says_how_the_rows_were_known(
    as_of: list[str], known: Known, share: float
) -> None:
    frame = pd.DataFrame({"as_of": pd.to_datetime(as_of, format="ISO8601")})
    moment = Moment(dt.date(2008, 10, 30))
    assert how_known(frame, moment) == (known, share)
    assert how_known(frame, Moment()) == (Known.NOW, 1.0)


def test_publication_is_assumed_only_where_a_dataset_declares_it() -> None:
    registry, day = discover(), dt.date(2015, 1, 2)
    assert Moment(day).parameters(registry["fred_data"]) == {"as_of": "2015-01-02"}
    bars = registry["yfinance_ohlcv"]
    assert Moment(day).parameters(bars) == {"as_of": "2015-01-02", "as_of_mode": "assumed"}
    assert Moment(day, assume=False).parameters(bars) == {"as_of": "2015-01-02"}
    assert Moment(day).parameters(registry["data_refresh_log"]) == {}


def test_markets_draw_what_there_is() -> None:
    bars = pd.DataFrame(
        {
            "date": days("2024-01-04", "2024-01-05"),
            **{name: [1.0, 2.0] for name in ("open", "high", "low", "close")},
            "volume": [5, 6],
        }
    )
    features = pd.DataFrame(
        {"date": bars["date"], "rsi_14": [50.0, 60.0], "macd": [np.nan] * 2, "sma_50": [1.0, 1.0]}
    )
    drawn = [trace.name for trace in markets.draw(bars, features, "USD").data]
    assert [re.sub(r" \(.*", "", name) for name in drawn] == [
        *("Day", "Volume", "Mean of 50 days", "RSI, 14 days"),
    ]
    assert len(markets.draw(bars, features.iloc[:0], "USD").data) == 2
    made = pd.DataFrame(
        {"target_date": days("2024-01-05", "2024-01-08"), "lower": [1.0, 1.0], "upper": [3.0, 3.0]}
    )
    made = made.assign(prediction_value=2.0)
    scored = markets.scored(made, bars, "close")
    assert scored["inside"].tolist()[0] is True
    assert scored["inside"].isna().tolist() == [False, True]
    returned = markets.scored(made, bars, "log_return")
    assert returned["actual"].tolist()[0] == pytest.approx(np.log(2.0))
    assert returned["inside"].tolist()[0] is False
    assert markets.scored(made, bars, "something else")["inside"].isna().all()


def test_restated_periods_are_those_with_more_than_one_version() -> None:
    versions = pd.DataFrame(
        {
            "week_ending": days("2014-05-07", "2014-05-07", "2014-05-14"),
            "known_from": days("2014-06-01", "2014-05-20", "2014-06-01"),
            "total_net_flows": [12.0, 10.0, 7.0],
        }
    )
    [row] = flows.restated(versions, "week_ending").to_dict("records")
    assert (row["first"], row["newest"], row["times"]) == (10.0, 12.0, 1)


def test_a_term_structure_is_of_one_day() -> None:
    latest = pd.DataFrame(
        {
            "symbol": ["VIX3M", "VIX", "VIX9D", "SKEW"],
            "date": days("2024-01-05", "2024-01-05", "2024-01-04", "2024-01-05"),
            "close": [15.0, 13.0, 12.0, 140.0],
        }
    )
    assert volatility.term_structure(latest)["symbol"].tolist() == ["VIX", "VIX3M"]


def test_a_dataset_past_its_cadence_is_overdue_and_a_known_failure_has_advice() -> None:
    entry = {"name": "x", "rows": 1, "last": "2024-01-05", "cadence": "daily"}
    entries = [
        {**entry, "expected_next": "2024-01-08"},
        {**entry, "expected_next": "2024-01-10"},
        {**entry, "rows": 0, "last": None},
    ]
    table = pipeline.datasets(entries, pd.Timestamp("2024-01-09 10:00", tz="UTC"))
    assert table["Fresh"].tolist() == ["▲ overdue", "● fresh", "○ empty"]
    assert "set FRED_API_KEY" in pipeline.advice("needs FRED_API_KEY")
