"""What a read asks for, in the types of its dataset."""

import datetime as dt
import enum
import json
from dataclasses import dataclass
from typing import Any

from services.api.formats import Format
from services.api.view import View
from shared.dataset import Column, Dataset


class Release(enum.StrEnum):
    """Which of a key's versions is read."""

    FIRST = "first"
    LATEST = "latest"


class Mode(enum.StrEnum):
    """What counts as known at a moment: what was observed by then, or what must have been known."""

    STRICT = "strict"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows whose column is one of the values, or, an array, holds them all."""

    column: Column
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a view of one dataset.

    columns   of the answer, in its order; of a wide one those before the entities'
    start     inclusive bound of the time column, as `end`
    as_of     None: the current rows
    revisions  every version, with the span in which it was known
    wide      the column whose values are told in a column for each entity
    after     key of the row that the answer begins behind
    limit     rows of the answer at most; None: all
    stretch   rows whose first column of the key is above the one and no more than the other
    """

    view: View
    columns: tuple[Column, ...]
    format: Format
    filters: tuple[Filter, ...] = ()
    start: dt.date | dt.datetime | None = None
    end: dt.date | dt.datetime | None = None
    as_of: dt.datetime | None = None
    mode: Mode = Mode.STRICT
    release: Release = Release.LATEST
    revisions: bool = False
    wide: Column | None = None
    descending: bool = False
    after: tuple[Any, ...] | None = None
    limit: int | None = None
    stretch: tuple[Any, Any] = (None, None)

    @property
    def dataset(self) -> Dataset:
        """The dataset whose rows are read."""
        return self.view.dataset

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns that rows are ordered by."""
        if self.wide is not None:
            return self.columns
        return self.view.key + ((self.dataset.column("as_of"),) if self.revisions else ())

    @property
    def within_entity(self) -> tuple[str, ...]:
        """Names of the columns by which the newest row of an entity is told: the time first."""
        times = (self.dataset.time,) if self.dataset.time else ()
        return tuple(dict.fromkeys(times + self.dataset.key[1:]))

    @property
    def of_versions(self) -> bool:
        """Whether more than the current rows is asked for."""
        return self.as_of is not None or self.revisions or self.release is Release.FIRST

    @property
    def assumed(self) -> bool:
        """Whether rows count as known before they were observed."""
        return self.mode is Mode.ASSUMED

    @property
    def sifted(self) -> bool:
        """Whether the answer's rows are made of the query's after reading them."""
        return self.assumed or self.wide is not None

    @property
    def spelled(self) -> bool:
        """Whether figures go from the database into the answer as texts."""
        return self.format.spelled and self.limit is None and not self.sifted

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns that are read to make the answer's."""
        return self.columns if self.wide is None else (*self.columns, self.wide)

    @property
    def identity(self) -> str:
        """Which rows in which order, as text: what a cursor is bound to."""
        filters = [[f.column.name, sorted(set(map(str, f.values)))] for f in self.filters]
        bounds = [str(self.start), str(self.end), str(self.as_of), self.descending]
        kind = [self.mode, self.release, self.revisions, self.wide and self.wide.name]
        order = [*self.view.order, self.view.newest]
        return json.dumps([self.dataset.name, order, sorted(filters), bounds, kind])
