"""How well models predicted, beside a naive baseline."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import Bigint, Code, Dataset, Row, Unit, in_future, negative


class ModelPerformance(Row):
    """Measures of the models' predictions, one for each model, measure and day of evaluation.

    Made by the processor. A figure means little without `baseline_value`, the same measure of a
    naive prediction over the same cases.
    """

    model_name: Annotated[Code, Field(description="the model")]
    model_version: Annotated[Code, Field(description="its version")]
    target: Annotated[Code, Field(description="what is predicted, such as close or log_return")]
    horizon: Annotated[Bigint, Field(description="how far ahead"), Unit("trading days")]
    universe: Annotated[Code, Field(description="over which tickers: a ticker, or a name for many")]
    evaluation_date: Annotated[dt.date, Field(description="last day that counted")]
    metric_name: Annotated[Code, Field(description="the measure, such as mae or hit_rate")]
    dataset_type: Annotated[Code, Field(description="train, validation, test or live")]
    metric_value: Annotated[float | None, Field(description="the model's figure")]
    n: Annotated[Bigint | None, Field(description="cases that counted"), Unit("count")]
    baseline_value: Annotated[float | None, Field(description="the naive prediction's figure")]


DATASET = Dataset(
    name="model_performance",
    row=ModelPerformance,
    key=(
        *("model_name", "model_version", "target", "horizon", "universe"),
        *("evaluation_date", "metric_name", "dataset_type"),
    ),
    time="evaluation_date",
    cadence="daily",
    checks=(negative("n"), in_future("evaluation_date")),
)
