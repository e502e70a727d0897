"""The moment that a page is about, and how it was known: vintage, observed or assumed."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from shared.dataset import Dataset


class Known(StrEnum):
    """How a figure is known to have been known; the value is what the badge says."""

    NOW = "known now"
    VINTAGE = "vintage"
    OBSERVED = "observed"
    ASSUMED = "assumed"


MEANING = {
    Known.NOW: "the newest figures stored",
    Known.VINTAGE: "as published by the end of that day: the source keeps its vintages",
    Known.OBSERVED: "as this system had fetched them by the end of that day",
    Known.ASSUMED: "fetched later, believed to have been known once published; "
    "later corrections may be in them",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What is looked at: today (no day), or what was known by the end of a day, UTC.

    `assume` believes a dataset's declared times of publication where nothing was observed.
    """

    day: dt.date | None = None
    assume: bool = True

    def parameters(self, dataset: Dataset) -> dict[str, str]:
        """Return what the API is asked for beside the rest."""
        if self.day is None or not dataset.versioned:
            return {}
        assumed = self.assume and dataset.known_at is not None
        mode = {"as_of_mode": "assumed"} if assumed else {}
        return {"as_of": self.day.isoformat(), **mode}

    @property
    def end(self) -> dt.datetime | None:
        """The last microsecond of the day."""
        if self.day is None:
            return None
        return dt.datetime.combine(self.day, dt.time.max, dt.UTC)

    def told(self) -> str:
        """Return the moment as a page says it."""
        return "today" if self.day is None else f"on {self.day.isoformat()}"


def how_known(frame: pd.DataFrame, moment: Moment) -> tuple[Known, float]:
    """Return how the rows of an answer (with `as_of`) were known, and which share of them so.

    Assumed is what was fetched after the moment; a vintage bears the last microsecond of a day.
    The weakest kind that occurs is the answer's. Of an answer with all versions (`known_from`) it
    says how these were known, whatever the moment.
    """
    end = moment.end
    if "known_from" in frame and len(frame):
        return _vintages(pd.to_datetime(frame["known_from"], utc=True))
    if end is None or frame.empty or "as_of" not in frame:
        return (Known.NOW if end is None else Known.OBSERVED), 1.0
    as_of = pd.to_datetime(frame["as_of"], utc=True)
    assumed = as_of > end
    if assumed.any():
        return Known.ASSUMED, float(assumed.mean())
    return _vintages(as_of)


def _vintages(as_of: pd.Series) -> tuple[Known, float]:
    vintage = as_of.dt.ceil("s") - as_of == pd.Timedelta(microseconds=1)
    if vintage.all():
        return Known.VINTAGE, 1.0
    return Known.OBSERVED, float((~vintage).mean())
