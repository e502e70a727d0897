"""The declaration of a dataset, from which topic, tables, SQL, decoder and schemas are derived."""

import datetime as dt
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import MaxLen, MinLen
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.columns import INT64_MAX, INT64_MIN, UTC_MICROSECONDS, Column, Kind, read_annotation

Bigint = Annotated[int, Field(ge=INT64_MIN, le=INT64_MAX)]
"""A count or a volume: a whole number of 64 bits."""

Code = Annotated[str, Field(min_length=1, max_length=200)]
"""A short text that identifies something: a ticker, a series, a run."""

Timestamp = AwareDatetime
"""A moment with its zone; kept in UTC, to the microsecond."""

Cadence = Literal["intraday", "daily", "weekly", "monthly", "irregular"]


class Row(BaseModel):
    """Base of every dataset's row: strict, closed, without NaN or Infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Unit:
    """Metadata of a field: the unit its figures are in."""

    name: str


BOOKKEEPING = (
    Column("as_of", Kind.TIMESTAMP, "when this value became known", nullable=False),
    Column("confirmed_as_of", Kind.TIMESTAMP, "last time it was seen unchanged", nullable=False),
)
LINEAGE = (
    Column("source", Kind.TEXT, "who published the record"),
    Column("kafka_epoch", Kind.INTEGER, "which uninterrupted reading of the topic made the row"),
    Column("kafka_partition", Kind.INTEGER, "partition of the message that made the row"),
    Column("kafka_offset", Kind.BIGINT, "offset of the message that made the row"),
    Column("created_at", Kind.TIMESTAMP, "when the row was first stored", nullable=False),
    Column("updated_at", Kind.TIMESTAMP, "when the row last changed", nullable=False),
)


@dataclass(frozen=True)
class Dataset:
    """One dataset: its row, its key and what its fields mean.

    key          primary key; its first column is the entity, which is the message key
    time         the column that `start` and `end` select on, or None
    alias        second name at the ingest door
    filterable   columns that reads may filter by, besides the key
    unversioned  fields updated in place, whose change makes no version
    versioned    False where rows carry no as_of and the later message simply wins
    known_at     when a row was known to the world before it was fetched, or None
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    cadence: Cadence
    time: str | None = None
    alias: str | None = None
    filterable: tuple[str, ...] = ()
    unversioned: tuple[str, ...] = ()
    versioned: bool = True
    known_at: Callable[[Mapping[str, Any]], dt.datetime | None] | None = field(default=None)

    def __post_init__(self) -> None:
        names = {column.name for column in self.columns}
        used = {*self.key, *self.filterable, *self.unversioned, *filter(None, [self.time])}
        if not self.key or used - names:
            raise TypeError(f"dataset {self.name} names unknown columns: {sorted(used - names)}")
        if set(self.key) & set(self.unversioned):
            raise TypeError(f"dataset {self.name}: a key column cannot be unversioned")
        for column in self.columns:
            if column.name in self.key and (column.nullable or column.has_default):
                raise TypeError(f"dataset {self.name}: key {column.name} must be given and not null")

    @property
    def entity(self) -> str:
        """The column whose text is the message key."""
        return self.key[0]

    @property
    def revisions(self) -> str:
        """Name of the table that keeps every version but the current one."""
        return f"{self.name}_revisions"

    @property
    def documentation(self) -> str:
        """What the dataset holds, as its row's docstring says."""
        return inspect.getdoc(self.row) or ""

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The fields of the row, in the order of their declaration."""
        return tuple(self._column(name, info) for name, info in self.row.model_fields.items())

    @cached_property
    def values(self) -> tuple[Column, ...]:
        """The columns outside the key."""
        return tuple(column for column in self.columns if column.name not in self.key)

    @cached_property
    def stored(self) -> tuple[Column, ...]:
        """All columns of the table: fields, versions where there are any, lineage."""
        return self.columns + (BOOKKEEPING if self.versioned else ()) + LINEAGE

    @cached_property
    def selectable(self) -> tuple[str, ...]:
        """Names of the columns that reads may filter by."""
        return tuple(dict.fromkeys(self.key + self.filterable))

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Schema of a table of rows: the declared fields, nothing else."""
        return pa.schema([pa.field(c.name, c.kind.arrow, c.nullable) for c in self.columns])

    @cached_property
    def stored_schema(self) -> pa.Schema:
        """Schema of rows as they stand in the table."""
        return pa.schema([pa.field(c.name, c.kind.arrow, c.nullable) for c in self.stored])

    def column(self, name: str) -> Column:
        """Return a column by its name; raises KeyError where there is none."""
        for column in self.stored:
            if column.name == name:
                return column
        raise KeyError(name)

    def topic(self, prefix: str) -> str:
        """Return the name of the dataset's topic."""
        return f"{prefix}{self.name}"

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a message's value."""
        schema = self.row.model_json_schema()
        return schema | {"title": self.name, "x-key": list(self.key), "x-entity": self.entity}

    def _column(self, name: str, info: FieldInfo) -> Column:
        kind, nullable = read_annotation(info.annotation)
        bounds = {type(m): m for m in info.metadata}
        minimum, maximum, unit = bounds.get(MinLen), bounds.get(MaxLen), bounds.get(Unit)
        given = info.default is not PydanticUndefined
        return Column(
            name=name,
            kind=kind,
            comment=info.description or name.replace("_", " "),
            nullable=nullable,
            has_default=given,
            default=info.default if given else None,
            unit=unit.name if unit else None,
            versioned=name not in self.unversioned,
            min_length=minimum.min_length if minimum else None,
            max_length=maximum.max_length if maximum else None,
        )


__all__ = [
    "BOOKKEEPING",
    "LINEAGE",
    "UTC_MICROSECONDS",
    "Bigint",
    "Cadence",
    "Code",
    "Column",
    "Dataset",
    "Kind",
    "Row",
    "Timestamp",
    "Unit",
]
