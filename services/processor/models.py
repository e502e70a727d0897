"""What a model of next-day figures is, and the two that come along: EWMA and a naive one."""

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from services.processor.rolling import Floats, rolling_deviation
from shared.errors import ConfigError
from shared.plugins import load_plugins

ENTRY_POINT_GROUP = "econstream.models"
MAX_LOOK_BACK = 75
LEVEL = 0.9
_TWO_SIDED = 1.6448536269514722
_MEAN_SIZE = math.sqrt(2 / math.pi)
RETURN, VOLATILITY = TARGETS = ("log_return", "volatility")


class Forecast(NamedTuple):
    """Predictions at successive days for the next one, NaN where too little is known.

    The interval is to hold the truth in LEVEL of the cases.
    """

    value: Floats
    lower: Floats
    upper: Floats


class Model(Protocol):
    """A model of the next day's log return and of its size.

    name, version  name code and parameters together
    look_back      how many returns a prediction is made from, at most MAX_LOOK_BACK
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def look_back(self) -> int: ...

    def forecast(self, returns: Floats) -> dict[str, Forecast]:
        """Return, by target, predictions made at each of some days' log returns.

        `log_return` is the next day's, `volatility` the size of it, |log return|. What is
        said at a day may depend on the `look_back` returns up to it and on nothing else.
        """


@dataclass(frozen=True)
class Ewma:
    """Exponentially weighted mean and variance (RiskMetrics Technical Document, 1996: 0.94).

    74 days hold 99 % of the weights. The size expected of a return is that of a normal
    variable: sigma * sqrt(2 / pi).
    """

    decay: float = 0.94
    look_back: int = 74
    name: str = "ewma"

    @property
    def version(self) -> str:
        """Code and parameters."""
        return f"1-decay{self.decay:g}-days{self.look_back}"

    def forecast(self, returns: Floats) -> dict[str, Forecast]:
        mean = self._weighted(returns)
        sigma = np.sqrt(self._weighted(returns * returns))
        return _around(mean, sigma, sigma * _MEAN_SIZE)

    def _weighted(self, values: Floats) -> Floats:
        found = np.full(len(values), np.nan)
        count = len(values) - self.look_back + 1
        if count <= 0:
            return found
        total, weights, weight = np.zeros(count), 0.0, 1.0
        for lag in range(self.look_back):
            begin = self.look_back - 1 - lag
            total = total + weight * values[begin : begin + count]
            weights += weight
            weight *= self.decay
        found[self.look_back - 1 :] = total / weights
        return found


@dataclass(frozen=True)
class Naive:
    """The reference that a model must beat: no change, and as large a move as the last one."""

    look_back: int = 74
    name: str = "naive"
    version: str = "1"

    def forecast(self, returns: Floats) -> dict[str, Forecast]:
        sigma = rolling_deviation(returns, self.look_back)
        known = np.where(np.isnan(sigma), np.nan, 0.0)
        return _around(known, sigma, np.abs(returns) + known)


def _around(mean: Floats, sigma: Floats, size: Floats) -> dict[str, Forecast]:
    reach = _TWO_SIDED * sigma
    nothing = np.zeros(len(size)) * sigma
    return {
        RETURN: Forecast(mean, mean - reach, mean + reach),
        VOLATILITY: Forecast(size, nothing, reach),
    }


NAIVE = Naive()


def find_models() -> list[Model]:
    """Return the models, the naive one first; raises ConfigError for one that looks too far."""
    models: list[Model] = [NAIVE, Ewma()]
    for origin, made in load_plugins(ENTRY_POINT_GROUP):
        model: Model = made()
        if model.look_back > MAX_LOOK_BACK:
            raise ConfigError(f"{origin} looks back {model.look_back} days of {MAX_LOOK_BACK}")
        models.append(model)
    return models
