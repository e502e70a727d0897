"""What models predict, with the bounds they give."""

import datetime as dt
from typing import Annotated

from pydantic import Field

from shared.dataset import (
    Check,
    Code,
    Comparison,
    Dataset,
    Row,
    Timestamp,
    in_future,
    outside,
)


class MlPredictions(Row):
    """Predictions of models, one for each model, target and day on which it was made.

    Made by the processor. `inputs_as_of` says what the model could know: nothing later went in.
    """

    ticker: Annotated[Code, Field(description="whom the prediction is about")]
    model_name: Annotated[Code, Field(description="the model")]
    model_version: Annotated[Code, Field(description="its version")]
    target: Annotated[Code, Field(description="what is predicted, such as close or log_return")]
    prediction_date: Annotated[dt.date, Field(description="day of the newest input")]
    target_date: Annotated[dt.date, Field(description="day that is predicted")]
    prediction_value: Annotated[float, Field(description="the prediction")]
    lower: Annotated[float | None, Field(description="lower bound of the interval")]
    upper: Annotated[float | None, Field(description="upper bound of the interval")]
    interval_level: Annotated[
        float | None, Field(description="how often the interval is to hold the truth, 0 to 1")
    ]
    confidence: Annotated[float | None, Field(description="the model's own confidence, 0 to 1")]
    inputs_as_of: Annotated[
        Timestamp | None, Field(description="newest as_of among what the model was given")
    ]


DATASET = Dataset(
    name="ml_predictions",
    row=MlPredictions,
    key=("ticker", "model_name", "model_version", "target", "prediction_date", "target_date"),
    time="prediction_date",
    cadence="daily",
    checks=(
        Check("crossed_bounds", "lower bound above upper", (Comparison("lower", ">", "upper"),)),
        Check(
            "past_target",
            "target_date before prediction_date",
            (Comparison("target_date", "<", "prediction_date"),),
        ),
        outside("level_out_of_range", "interval_level", 0, 1),
        outside("confidence_out_of_range", "confidence", 0, 1),
        in_future("prediction_date"),
    ),
)
