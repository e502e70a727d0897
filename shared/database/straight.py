"""The straight way: rows past the newest stored of their series are stored without a merge.

A series is what the columns of the key before the time name. What is newest is remembered, and
only a hint: the primary key decides, and where it objects the batch takes the merge.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shared.database.fold import ByKey, codes_of
from shared.database.sql import INTRICATE, Statements
from shared.dataset import Dataset

REMEMBERED_SERIES = 50_000
_WORTH_A_STATEMENT = 1 / 8
_NONE_STORED, _UNKNOWN = -(2**63), 2**63 - 1
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The series that a batch brings rows of, and which rows.

    names    a row for each series, in `Statements.series`
    keys     the same as tuples
    latest   of each series the last time that the batch brings, as a number
    series   of each key of the batch, to which of the series it belongs
    times    of each key of the batch, its time as a number
    """

    names: pa.Table
    keys: list[tuple[Any, ...]]
    latest: _Numbers
    series: _Numbers
    times: _Numbers


class Newest:
    """The newest stored time of each series, as last seen: bounded, and safe to forget."""

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[Any, ...], int]] = {}
        self._whole: set[str] = set()

    def is_asked_whole(self, dataset: Dataset) -> bool:
        """Tell whether all series of a dataset should be looked up at once."""
        return dataset.name not in self._known

    def see_all(self, dataset: Dataset, found: pa.Table) -> None:
        """Remember all series of a dataset, unless there are more than may be remembered."""
        if found.num_rows <= REMEMBERED_SERIES:
            self._whole.add(dataset.name)
            self.see(dataset, found)
        else:
            self._known[dataset.name] = {}

    def unknown(self, dataset: Dataset, arrivals: Arrivals) -> pa.Table | None:
        """Return the series of a batch that must be looked up, None where all are known."""
        if dataset.name in self._whole:
            return None
        known = self._known.get(dataset.name, {})
        missing = [place for place, key in enumerate(arrivals.keys) if key not in known]
        return arrivals.names.take(missing) if missing else None

    def see(self, dataset: Dataset, found: pa.Table) -> None:
        """Remember what a look-up found: series and their `newest`, null where there is none."""
        *names, newest = found.columns
        numbers = _numbers(newest).fill_null(_NONE_STORED).to_pylist()
        keys = zip(*(name.to_pylist() for name in names), strict=True)
        self._known.setdefault(dataset.name, {}).update(zip(keys, numbers, strict=True))

    def stored(self, dataset: Dataset, arrivals: Arrivals) -> None:
        """Remember that a batch has been stored."""
        if sum(map(len, self._known.values())) > REMEMBERED_SERIES:
            self._known.clear()
            self._whole.clear()
            return
        known = self._known.setdefault(dataset.name, {})
        whole = dataset.name in self._whole
        for key, latest in zip(arrivals.keys, arrivals.latest.tolist(), strict=True):
            if whole or key in known:
                known[key] = max(known.get(key, _NONE_STORED), latest)

    def forget(self, dataset: Dataset) -> None:
        """Forget the series of a dataset: some were seen wrong."""
        self._known.pop(dataset.name, None)
        self._whole.discard(dataset.name)

    def times(self, dataset: Dataset, arrivals: Arrivals) -> _Numbers:
        """Return the newest time of each series; of one not known, a time that none is past."""
        known = self._known.get(dataset.name, {})
        other = _NONE_STORED if dataset.name in self._whole else _UNKNOWN
        return np.array([known.get(key, other) for key in arrivals.keys], np.int64)


def arrivals_of(folded: ByKey) -> Arrivals | None:
    """Return the series of a batch; None where no row of the dataset may go straight."""
    dataset, incoming = folded.dataset, folded.incoming
    columns = Statements(dataset).series
    if not columns:
        return None
    _, first, series = np.unique(
        codes_of(incoming, columns), return_index=True, return_inverse=True
    )
    times = _numbers(incoming[dataset.time]).fill_null(_NONE_STORED).to_numpy()
    latest = np.full(len(first), _NONE_STORED)
    np.maximum.at(latest, series, times)
    names = incoming.select(columns).take(first)
    keys = list(zip(*(name.to_pylist() for name in names.columns), strict=True))
    return Arrivals(names, keys, latest, series, times)


def part(folded: ByKey, arrivals: Arrivals, newest: Newest) -> tuple[pa.Table | None, ByKey | None]:
    """Return the rows to store straight, in order of their keys, and what is to be merged.

    A key that came more than once is merged, and so is all where few rows could go straight.
    """
    past = arrivals.times > newest.times(folded.dataset, arrivals)[arrivals.series]
    past &= ~folded.incoming[INTRICATE].to_numpy()
    if np.count_nonzero(past) < _WORTH_A_STATEMENT * len(past):
        return None, folded
    rows = folded.incoming if past.all() else folded.incoming.filter(pa.array(past))
    columns = Statements(folded.dataset).straight_columns
    straight = rows.append_column("confirmed_as_of", rows["as_of"]).select(columns)
    return straight, None if past.all() else folded.without(past)


def _numbers(times: pa.ChunkedArray) -> pa.Array:
    numbers = pa.int32() if pa.types.is_date32(times.type) else pa.int64()
    return times.combine_chunks().cast(numbers).cast(pa.int64())
