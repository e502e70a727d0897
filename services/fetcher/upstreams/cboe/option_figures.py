"""Figures of an option chain as a whole: what was traded, what stands, how volatile it prices."""

import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_DAYS = 30
_CALL, _PUT = "call", "put"


def totals(chain: pa.Table) -> dict[str, int | float | None]:
    """Return volumes, open interest and their ratio over a chain; a null counts as none."""
    puts, calls = (chain.filter(pc.equal(chain["right"], right)) for right in (_PUT, _CALL))
    put_volume, call_volume = _sum(puts, "volume"), _sum(calls, "volume")
    put_interest, call_interest = _sum(puts, "open_interest"), _sum(calls, "open_interest")
    return {
        "put_volume": put_volume,
        "call_volume": call_volume,
        "put_call_ratio": put_volume / call_volume if call_volume else None,
        "open_interest": put_interest + call_interest,
        "put_open_interest": put_interest,
        "call_open_interest": call_interest,
        "contracts_used": chain.num_rows,
    }


def implied_volatility(chain: pa.Table, price: float, date: dt.date) -> float | None:
    """Return the volatility of 30 days at the money a year, or None where it cannot be told.

    At each expiry it is sigma(T): at the strikes next below and above the underlying's price
    the volatilities of call and put are averaged, and interpolated linearly in the strike. With
    N1 <= 30 <= N2 the days to the two expiries next to 30 days, variance is interpolated in time:

        sigma_30^2 * 30 = N1 * sigma_1^2 * (N2 - 30) / (N2 - N1)
                        + N2 * sigma_2^2 * (30 - N1) / (N2 - N1)

    which is how Cboe interpolates between the two terms of VIX ("Volatility Index Methodology:
    Cboe Volatility Index", step "calculate the 30-day weighted average"), applied to the
    variance at the money instead of that of the whole strip. Nothing is extrapolated.
    """
    known = chain.filter(pc.is_valid(chain["iv"]))
    days = pc.cast(known["expiry"], pa.int32()).to_numpy() - (date - dt.date(1970, 1, 1)).days
    terms: dict[int, float] = {}
    near = sorted({*days[(days > 0) & (days <= _DAYS)].tolist()}, reverse=True)
    far = sorted({*days[days >= _DAYS].tolist()})
    for side in (near, far):
        for count in side:
            sigma = _at_the_money(known.filter(pa.array(days == count)), price)
            if sigma is not None:
                terms[count] = sigma
                break
    return _at_thirty_days(terms)


def _at_thirty_days(terms: dict[int, float]) -> float | None:
    """Interpolate the variance of an earlier and a later term, or take that of 30 days itself."""
    if _DAYS in terms:
        return terms[_DAYS]
    if len(terms) < 2:
        return None
    near, far = sorted(terms)
    share = (far - _DAYS) / (far - near)
    variance = near * terms[near] ** 2 * share + far * terms[far] ** 2 * (1 - share)
    return math.sqrt(variance / _DAYS)


def _at_the_money(expiry: pa.Table, price: float) -> float | None:
    """Return the volatility at a price, None where no strike with call and put is on each side."""
    sides = [_by_strike(expiry, right) for right in (_CALL, _PUT)]
    both = {
        strike: (sides[0][strike] + sides[1][strike]) / 2 for strike in sides[0].keys() & sides[1]
    }
    below = max((strike for strike in both if strike <= price), default=None)
    above = min((strike for strike in both if strike >= price), default=None)
    if below is None or above is None:
        return None
    if below == above:
        return both[below]
    share = (price - below) / (above - below)
    return both[below] * (1 - share) + both[above] * share


def _by_strike(expiry: pa.Table, right: str) -> dict[float, float]:
    found = expiry.filter(pc.equal(expiry["right"], right))
    return dict(zip(found["strike"].to_pylist(), found["iv"].to_pylist(), strict=True))


def _sum(chain: pa.Table, name: str) -> int:
    total: Any = pc.sum(chain[name]).as_py()
    return int(total or 0)
