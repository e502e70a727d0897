"""Observations of FRED series."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import Code, Dataset, Row


class FredData(Row):
    """Observations of economic series from FRED, one value for each series and date.

    Each published vintage is a version: ask with `as_of` for the figures as they were known on a
    day. A value is null where FRED has none (".") or withdrew the one it had.
    """

    series_id: Annotated[Code, Field(description="FRED's name of the series, such as GDP")]
    date: Annotated[dt.date, Field(description="first day of the period observed")]
    value: Annotated[
        float | None,
        Field(description="the observation, in the units that fred_series gives; null: none"),
    ]


DATASET = Dataset(
    name="fred_data",
    row=FredData,
    key=("series_id", "date"),
    time="date",
    cadence="daily",
    alias="fred",
)
