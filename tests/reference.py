"""The rule of versions once more, as naively as it can be said: what is kept are moments."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple


class Known(NamedTuple):
    """What one record says of a key: the versioned values, and those that make no version."""

    values: Any
    latest: Any = None


class KnownRun(NamedTuple):
    """A stretch of moments at which the same values were known."""

    as_of: Any
    confirmed_as_of: Any
    values: Any
    latest: Any


@dataclass
class History:
    """One key: what was known at which moment, of every stretch only the first and the last.

    `splits` counts the records that fell strictly into a run of another value.
    """

    moments: dict[Any, Known] = field(default_factory=dict)
    splits: int = 0

    def arrive(self, as_of: Any, known: Known, *, wins_tie: bool = True) -> None:
        """Add a record; of two at one moment the later stays, unless it may not win."""
        if as_of in self.moments and not wins_tie:
            return
        self.splits += any(
            run.as_of < as_of < run.confirmed_as_of and run.values != known.values
            for run in self.runs()
        )
        self.moments[as_of] = known
        kept: dict[Any, Known] = {}
        for _, stretch in groupby(sorted(self.moments.items()), lambda item: item[1].values):
            (first, _), *_, (last, newest) = doubled(stretch)
            kept |= {first: newest, last: newest}
        self.moments = kept

    def runs(self) -> list[KnownRun]:
        """Return the stretches in order of time."""
        found = []
        for values, stretch in groupby(sorted(self.moments.items()), lambda item: item[1].values):
            (first, _), *_, (last, newest) = doubled(stretch)
            found.append(KnownRun(first, last, values, newest.latest))
        return found

    def known_at(self, moment: Any) -> Any:
        """Return the values known at a moment, None where nothing was."""
        before = [as_of for as_of in self.moments if as_of <= moment]
        return self.moments[max(before)].values if before else None


def doubled(stretch: Iterable[Any]) -> list[Any]:
    """Return a stretch with one moment as one that begins and ends there."""
    items = list(stretch)
    return items if len(items) > 1 else items * 2
