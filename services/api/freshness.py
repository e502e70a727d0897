"""How fresh a dataset is: its newest time, and when by its cadence the next one is expected."""

import datetime as dt
from collections.abc import Callable

from shared.columns import Kind
from shared.dataset import Dataset

_FRIDAY = 4


def expected_next(dataset: Dataset, newest: dt.date | dt.datetime | None) -> dt.date | None:
    """Return the day of the row that comes after the newest, None where nobody can say.

    Of a daily dataset it is the next working day, holidays not counted; of a weekly one a week
    later; of a monthly one the next month's same day or, from its last day, its last. Intraday
    and irregular datasets, and those without a date, expect nothing.
    """
    if newest is None or dataset.time is None:
        return None
    if dataset.column(dataset.time).kind is not Kind.DATE:
        return None
    step = _STEPS.get(dataset.cadence)
    return step(newest) if step else None


def _next_working_day(day: dt.date) -> dt.date:
    ahead = max(7 - day.weekday(), 1) if day.weekday() >= _FRIDAY else 1
    return day + dt.timedelta(days=ahead)


def _next_week(day: dt.date) -> dt.date:
    return day + dt.timedelta(days=7)


def _next_month(day: dt.date) -> dt.date:
    first = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    last = (first + dt.timedelta(days=32)).replace(day=1) - dt.timedelta(days=1)
    is_last = (day + dt.timedelta(days=1)).day == 1
    return last if is_last else first.replace(day=min(day.day, last.day))


_STEPS: dict[str, Callable[[dt.date], dt.date]] = {
    "daily": _next_working_day,
    "weekly": _next_week,
    "monthly": _next_month,
}
