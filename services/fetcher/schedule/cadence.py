"""When a source is worth asking: at a period, or at times of day where its market is."""

import calendar
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

_WEEK = frozenset(range(7))
_MONTH = frozenset(range(1, 32))
WORKDAYS = frozenset(range(5))


def _never(_: dt.date) -> bool:
    return False


class Cadence(Protocol):
    """Says when to ask next."""

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Return the first time to ask that is later than a moment, with its zone. Pure."""


@dataclass(frozen=True, slots=True)
class Every:
    """Once in each period, counted from the last time."""

    period: dt.timedelta

    def after(self, moment: dt.datetime) -> dt.datetime:
        return moment + self.period


@dataclass(frozen=True, slots=True)
class At:
    """At times of day on the clocks of a place, summer time included.

    weekdays   0 is Monday; all unless some are given
    monthdays  days of the month; all unless some are given
    closed     says of a day that nothing happens there, such as a holiday
    """

    zone: str
    times: tuple[dt.time, ...]
    weekdays: frozenset[int] = _WEEK
    monthdays: frozenset[int] = _MONTH
    closed: Callable[[dt.date], bool] = _never

    def __str__(self) -> str:
        times = ", ".join(f"{time:%H:%M}" for time in self.times)
        place = self.zone.rpartition("/")[2].replace("_", " ")
        names = " and ".join(calendar.day_abbr[day] for day in sorted(self.weekdays))
        days = {_WEEK: "", WORKDAYS: " on workdays"}.get(self.weekdays, f" on {names}")
        holidays = "" if self.closed is _never else " but holidays"
        return f"{times} in {place}{days}{holidays}"

    def after(self, moment: dt.datetime) -> dt.datetime:
        place = ZoneInfo(self.zone)
        today = moment.astimezone(place).date()
        for ahead in range(400):
            day = today + dt.timedelta(days=ahead)
            if day.weekday() not in self.weekdays or day.day not in self.monthdays:
                continue
            if self.closed(day):
                continue
            moments = [dt.datetime.combine(day, time, place) for time in sorted(self.times)]
            later = [found for found in moments if found.astimezone(dt.UTC) > moment]
            if later:
                return later[0].astimezone(dt.UTC)
        raise ValueError(f"no day is on a weekday of {self.weekdays} and one of {self.monthdays}")


@dataclass(slots=True)
class Breaker:
    """Counts runs in a row that had nothing, and says how long to leave an upstream alone.

    After three of them it is open: the next run is a probe, which ends at its first silence.
    """

    failures: int = 0

    FIRST: ClassVar[dt.timedelta] = dt.timedelta(minutes=1)
    LONGEST: ClassVar[dt.timedelta] = dt.timedelta(hours=1)
    OPENS_AFTER: ClassVar[int] = 3

    @property
    def is_open(self) -> bool:
        """Whether the upstream counts as dead."""
        return self.failures >= self.OPENS_AFTER

    @property
    def wait(self) -> dt.timedelta:
        """How long to leave it alone now: twice as long each time, up to an hour."""
        doubled: int = 2 ** max(0, min(self.failures - 1, 10))
        return min(self.LONGEST, self.FIRST * doubled)

    def note(self, *, failed: bool) -> None:
        """Count a run; one that had something closes the circuit."""
        self.failures = self.failures + 1 if failed else 0
