"""CBOE's option chains: dating, unknowns, sums, and the volatility of 30 days at the money."""

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.answer import Parsed, UnreadableAnswer, UpstreamError
from services.fetcher.sources.cboe_options import SOURCE
from services.fetcher.upstreams.cboe.option_figures import implied_volatility
from services.fetcher.watchlist.file import Watchlist
from shared.settings import Settings
from tests.unit.answers import OPTIONS, answer, chain, contract

FRIDAY = dt.date(2026, 7, 24)


def contracts_of(parsed: Parsed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parsed.rows[0].table.to_pylist()
    return found


def whole(parsed: Parsed) -> dict[str, Any]:
    (found,) = parsed.rows[1].table.to_pylist()
    return dict(found)


def test_a_contract_is_dated_by_the_last_trade_of_its_underlying() -> None:
    (found,) = contracts_of(SOURCE.parse(chain(contract("SPXW260821P05012500"), symbol="_SPX")))
    assert found == {
        "contract": "SPXW260821P05012500", "date": FRIDAY, "underlying": "^SPX",
        "expiry": dt.date(2026, 8, 21), "strike": 5012.5, "right": "put", "bid": 1.0, "ask": 1.5,
        "last": 1.25, "iv": 0.25, "delta": 0.5, "volume": 2, "open_interest": 10,
    }  # fmt: skip


def test_a_volatility_of_zero_is_unknown_and_so_is_the_price_of_what_never_traded() -> None:
    (found,) = contracts_of(SOURCE.parse(chain(contract(iv=0.0, last_trade_price=0.0, bid=0.0))))
    assert (found["iv"], found["last"], found["bid"]) == (None, None, 0.0)


def test_sums_go_over_the_whole_chain() -> None:
    calls = [contract(f"AAPL260821C0033{n}000", volume=4.0) for n in range(3)]
    puts = [contract("AAPL260821P00330000", volume=3.0, open_interest=None)]
    found = whole(SOURCE.parse(chain(*calls, *puts)))
    assert (found["ticker"], found["date"]) == ("AAPL", FRIDAY)
    assert (found["call_volume"], found["put_volume"], found["put_call_ratio"]) == (12, 3, 0.25)
    assert (found["call_open_interest"], found["put_open_interest"]) == (30, 0)
    assert (found["open_interest"], found["contracts_used"]) == (30, 4)


def test_without_a_call_traded_there_is_no_ratio() -> None:
    assert whole(SOURCE.parse(chain(contract(volume=0.0))))["put_call_ratio"] is None


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"option": "AAPL"}, "no OCC symbol"),
        ({"option": "AAPL261341C00330000"}, "no day"),
        ({"volume": 1.5}, "no count"),
        ({"bid": "x"}, "no number"),
    ],
)
def test_what_is_not_as_it_was_is_named(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UnreadableAnswer, match=complaint):
        SOURCE.parse(chain(contract(**changed)))


def test_a_vanished_column_is_named_and_a_new_one_warned_about() -> None:
    lacking = {name: value for name, value in contract().items() if name != "iv"}
    with pytest.raises(UnreadableAnswer, match="'iv'"):
        SOURCE.parse(chain(lacking))
    assert SOURCE.parse(chain(contract(vanna=1.0))).warnings == [
        "new column 'vanna' in CBOE's options"
    ]


@pytest.mark.parametrize("data", [{"last_trade_time": None}, {"last_trade_time": "tomorrow"}])
def test_a_chain_without_a_trading_day_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(UnreadableAnswer, match="last_trade_time"):
        SOURCE.parse(chain(contract(), **data))


def test_a_last_trade_with_a_zone_is_dated_in_new_york() -> None:
    parsed = SOURCE.parse(chain(contract(), last_trade_time="2026-07-25T01:15:00+00:00"))
    assert whole(parsed)["date"] == FRIDAY


def test_a_contract_listed_twice_would_be_counted_twice() -> None:
    with pytest.raises(UnreadableAnswer, match="twice"):
        SOURCE.parse(chain(contract(), contract()))


def test_no_options_is_said() -> None:
    parsed = SOURCE.parse(chain())
    assert parsed.records == 0
    assert parsed.warnings == ["CBOE lists no options on AAPL"]


def test_an_unknown_symbol_and_a_page() -> None:
    with pytest.raises(UpstreamError, match="403"):
        SOURCE.parse(answer(f"{OPTIONS}/NONE.json", b"<Error>AccessDenied</Error>", 403))
    with pytest.raises(UnreadableAnswer, match="'options'"):
        SOURCE.parse(answer(f"{OPTIONS}/AAPL.json", b'{"data": {}}'))


def test_an_index_is_asked_for_by_its_underscore() -> None:
    watchlist = Watchlist({"cboe_options": {"underlyings": ("AAPL", "^SPX")}})
    urls = [request.url for request in SOURCE.requests(watchlist, Settings(), None)]
    assert urls == [f"{OPTIONS}/AAPL.json", f"{OPTIONS}/_SPX.json"]
    assert all(map(SOURCE.matches, urls))


def volatilities(*quotes: tuple[int, float, str, float | None]) -> pa.Table:
    """Return a chain of (days to expiry, strike, right, volatility)."""
    return pa.table(
        {
            "expiry": pa.array([FRIDAY + dt.timedelta(days=q[0]) for q in quotes], pa.date32()),
            "strike": pa.array([q[1] for q in quotes], pa.float64()),
            "right": pa.array([q[2] for q in quotes], pa.string()),
            "iv": pa.array([q[3] for q in quotes], pa.float64()),
        }
    )


def flat(days: int, sigma: float, *strikes: float) -> list[tuple[int, float, str, float | None]]:
    return [(days, strike, right, sigma) for strike in strikes for right in ("call", "put")]


class TestImpliedVolatility:
    """30 days, at the money."""

    def test_call_and_put_are_averaged_and_strikes_interpolated(self) -> None:
        quotes = [(30, 90.0, "call", 0.2), (30, 90.0, "put", 0.4), *flat(30, 0.5, 110.0)]
        assert implied_volatility(volatilities(*quotes), 95.0, FRIDAY) == pytest.approx(0.35)

    def test_variance_is_interpolated_between_the_expiries_around_30_days(self) -> None:
        quotes = [*flat(20, 0.2, 100.0), *flat(50, 0.4, 100.0), *flat(80, 9.0, 100.0)]
        expected = math.sqrt((20 * 0.04 * 20 / 30 + 50 * 0.16 * 10 / 30) / 30)
        assert implied_volatility(volatilities(*quotes), 100.0, FRIDAY) == pytest.approx(expected)

    def test_an_expiry_without_strikes_around_the_price_is_passed_over(self) -> None:
        quotes = [*flat(29, 9.0, 120.0, 130.0), *flat(28, 0.3, 90.0, 110.0), *flat(40, 0.3, 100.0)]
        assert implied_volatility(volatilities(*quotes), 100.0, FRIDAY) == pytest.approx(0.3)

    @pytest.mark.parametrize("days", [[10, 20], [40, 50], [0, 40], []])
    def test_nothing_is_extrapolated(self, days: list[int]) -> None:
        quotes = [quote for count in days for quote in flat(count, 0.3, 100.0)]
        assert implied_volatility(volatilities(*quotes), 100.0, FRIDAY) is None

    def test_unknown_volatilities_do_not_count(self) -> None:
        quotes = [*flat(30, 0.3, 90.0, 110.0), (30, 100.0, "call", None), (30, 100.0, "put", 5.0)]
        assert implied_volatility(volatilities(*quotes), 100.0, FRIDAY) == pytest.approx(0.3)

    @given(
        sigma=st.floats(0.01, 3.0),
        near=st.integers(1, 30),
        far=st.integers(30, 900),
        price=st.floats(90.0, 110.0),
    )
    def test_a_flat_surface_has_its_own_volatility(
        self, sigma: float, near: int, far: int, price: float
    ) -> None:
        days = {near: flat(near, sigma, 90.0, 110.0)} | {far: flat(far, sigma, 90.0, 110.0)}
        table = volatilities(*(quote for quotes in days.values() for quote in quotes))
        assert implied_volatility(table, price, FRIDAY) == pytest.approx(sigma)
