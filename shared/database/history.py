"""All that a database knows of a dataset as records in order of time: what fills a topic again."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.database.sql import listed, quote
from shared.dataset import Dataset


@dataclass(frozen=True, slots=True)
class History:
    """Which records of a dataset are wanted.

    current_only  of each key only the version that stands in the table
    since         only what became known, or was seen again, from this moment on; of a dataset
                  without versions, what was stored from then on
    """

    dataset: Dataset
    current_only: bool = False
    since: dt.datetime | None = None

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The values of the statements' placeholders."""
        return () if self.since is None else (self.since,)

    @property
    def select(self) -> str:
        """Select the fields, `as_of` where rows have versions, and `source`; in order of time.

        A run is two records, its first sighting and its last, or one where these are the same:
        stored in this order they make the same runs again, and nothing where these stand.
        """
        order = ("as_of", *self.dataset.key) if self.dataset.versioned else self.dataset.key
        return f"{self._records} ORDER BY {listed(order)}"

    @property
    def count(self) -> str:
        """Select how many `records` there are."""
        return f"SELECT count(*) AS records FROM ({self._records}) AS r"

    @property
    def _records(self) -> str:
        if not self.dataset.versioned:
            return self._sightings(self.dataset.name, None, "updated_at")
        tables = [self.dataset.name, *([] if self.current_only else [self.dataset.revisions])]
        return " UNION ALL ".join(part for table in tables for part in self._runs(table))

    def _runs(self, table: str) -> Iterator[str]:
        yield self._sightings(table, "as_of", "as_of")
        yield self._sightings(
            table, "confirmed_as_of", "confirmed_as_of", "confirmed_as_of > as_of"
        )

    def _sightings(self, table: str, known: str | None, since: str, *conditions: str) -> str:
        columns = listed(column.name for column in self.dataset.columns)
        as_of = f", {quote(known)} AS as_of" if known else ""
        bound = [f"{quote(since)} >= $1"] if self.since is not None else []
        where = " AND ".join([*conditions, *bound])
        return f"SELECT {columns}{as_of}, source FROM {quote(table)}" + (
            f" WHERE {where}" if where else ""
        )
