"""Everything that follows from news of a ticker, as tables of the datasets that are made."""

from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from services.processor.forecast import predictions
from services.processor.models import Model
from services.processor.scoring import performance
from services.processor.technical import technical_features
from services.processor.ticker import Change
from shared.dataset import Dataset
from shared.datasets.ml_predictions import DATASET as ML_PREDICTIONS
from shared.datasets.model_performance import DATASET as MODEL_PERFORMANCE
from shared.datasets.technical_features import DATASET as TECHNICAL_FEATURES


class Derived(NamedTuple):
    """Rows of a dataset, each known from its as_of on."""

    dataset: Dataset
    table: pa.Table
    as_of: pa.ChunkedArray


Derivation = Callable[[str, Change], Iterator[Derived]]
"""Returns what follows for a ticker from its bars that changed; depends on its bars alone."""


def derivation(outputs: Container[str], models: Sequence[Model], *, has_volume: bool) -> Derivation:
    """Return what makes the outputs that are asked for; an index has no volume."""

    def derive(ticker: str, change: Change) -> Iterator[Derived]:
        bars, first, smoothed = change
        if TECHNICAL_FEATURES.name in outputs:
            made = technical_features(ticker, bars, first, smoothed, has_volume=has_volume)
            yield Derived(TECHNICAL_FEATURES, *made)
        if ML_PREDICTIONS.name in outputs:
            for told in predictions(ticker, bars, first, models):
                yield Derived(ML_PREDICTIONS, *told)
        if MODEL_PERFORMANCE.name in outputs:
            scored = performance(ticker, bars, first, models)
            if scored is not None:
                yield Derived(MODEL_PERFORMANCE, *scored)

    return derive
