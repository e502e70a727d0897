"""The US exchanges' holidays, against the lists that they publish."""

import datetime as dt

import pytest

from services.fetcher.schedule.holidays import us_markets_closed

PUBLISHED = {
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
}
"""As the NYSE published them, but for days of mourning."""


@pytest.mark.parametrize("year", PUBLISHED)
def test_they_are_those_that_are_published(year: int) -> None:
    days = [dt.date(year, 1, 1) + dt.timedelta(days=n) for n in range(365 + (year % 4 == 0))]
    found = " ".join(f"{day:%m-%d}" for day in days if us_markets_closed(day))
    assert found == PUBLISHED[year]


def test_easter_as_the_church_has_it() -> None:
    for friday in ("1999-04-02", "2000-04-21", "2008-03-21", "2011-04-22", "2038-04-23"):
        assert us_markets_closed(dt.date.fromisoformat(friday))
