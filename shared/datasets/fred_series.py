"""What each FRED series is: title, units, frequency."""

from typing import Annotated

from pydantic import Field

from shared.dataset import Code, Dataset, Row, Timestamp, in_future


class FredSeries(Row):
    """Descriptions of the FRED series, one row for each: what `fred_data` measures and how."""

    series_id: Annotated[Code, Field(description="FRED's name of the series, such as GDP")]
    title: Annotated[str, Field(description="what the series measures")]
    units: Annotated[str | None, Field(description="units of the values")]
    units_short: Annotated[str | None, Field(description="units, abbreviated")]
    frequency: Annotated[str | None, Field(description="how often there is a value")]
    seasonal_adjustment: Annotated[str | None, Field(description="seasonal adjustment, if any")]
    release: Annotated[str | None, Field(description="the release that the series is part of")]
    last_updated: Annotated[Timestamp | None, Field(description="FRED's own time of last update")]
    notes: Annotated[str | None, Field(description="FRED's notes on the series")]


DATASET = Dataset(
    name="fred_series",
    row=FredSeries,
    key=("series_id",),
    cadence="irregular",
    filterable=("frequency",),
    checks=(in_future("last_updated"),),
)
