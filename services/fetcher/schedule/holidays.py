"""The days on which the US stock exchanges stay closed, so that nobody asks for a close then."""

import datetime as dt
from functools import cache

_MONDAY, _THURSDAY = 0, 3
_JUNETEENTH_SINCE = 2022


def us_markets_closed(day: dt.date) -> bool:
    """Return whether the US stock and option exchanges keep a holiday on a day. Pure.

    The rules of NYSE Rule 7.2 as they stand, for past and future years alike; days on which they
    closed for mourning, weather or war are not among them, nor are weekends.
    """
    return day in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[dt.date]:
    fixed = [dt.date(year, 7, 4), dt.date(year, 12, 25)]
    if year >= _JUNETEENTH_SINCE:
        fixed.append(dt.date(year, 6, 19))
    return frozenset(
        [
            *map(_observed, fixed),
            *_new_year(year),
            _nth(year, 1, _MONDAY, 3),
            _nth(year, 2, _MONDAY, 3),
            _easter(year) - dt.timedelta(days=2),
            _nth(year, 6, _MONDAY, 1) - dt.timedelta(days=7),
            _nth(year, 9, _MONDAY, 1),
            _nth(year, 11, _THURSDAY, 4),
        ]
    )


def _observed(day: dt.date) -> dt.date:
    """Return the working day on which a holiday is kept that may fall on a weekend."""
    return day + dt.timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def _new_year(year: int) -> list[dt.date]:
    """Return the day it is kept on: none where it is a Saturday, for a year ends on a Friday."""
    day = dt.date(year, 1, 1)
    return [] if day.weekday() == 5 else [_observed(day)]


def _nth(year: int, month: int, weekday: int, count: int) -> dt.date:
    """Return the first, second … of a weekday in a month."""
    first = dt.date(year, month, 1)
    ahead = (weekday - first.weekday()) % 7
    return first + dt.timedelta(days=ahead + 7 * (count - 1))


def _easter(year: int) -> dt.date:
    """Return Easter Sunday, by the anonymous Gregorian computus (Meeus, Jones, Butcher)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = (
        19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * sunday) // 451
    month, day = divmod(moon + sunday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)
