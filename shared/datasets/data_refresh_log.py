"""What each refresh of each source did."""

from typing import Annotated

from pydantic import Field

from shared.dataset import Bigint, Code, Dataset, Row, Timestamp, Unit, negative


class DataRefreshLog(Row):
    """The log of refreshes, one row for each run of a source: what it fetched or why it failed."""

    run_id: Annotated[Code, Field(description="the run; records carry it in their header")]
    data_type: Annotated[Code, Field(description="the dataset that was refreshed")]
    refresh_time: Annotated[Timestamp, Field(description="when the run began")]
    status: Annotated[Code, Field(description="success, partial, unchanged or failed")]
    records_updated: Annotated[Bigint, Field(description="records published"), Unit("count")]
    error_message: Annotated[str | None, Field(description="why it failed, or what was left out")]
    duration_seconds: Annotated[float | None, Field(description="how long it took"), Unit("s")]


DATASET = Dataset(
    name="data_refresh_log",
    row=DataRefreshLog,
    key=("run_id",),
    time="refresh_time",
    cadence="intraday",
    filterable=("data_type", "status"),
    versioned=False,
    checks=(negative("records_updated", "duration_seconds"),),
)
