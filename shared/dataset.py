"""The declaration of a dataset, from which topic, tables, SQL, decoder and schemas are derived."""

import datetime as dt
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.checks import (
    AS_OF,
    Ahead,
    Check,
    Comparison,
    impossible_candle,
    in_future,
    negative,
    outside,
)
from shared.columns import INT64_MAX, INT64_MIN, UTC_MICROSECONDS, Column, Kind
from shared.declaration import Unit, check_identifier, has_validators, read_field
from shared.sessions import at, bar_known_at, end_of

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

MAX_NAME, MAX_COLUMN_NAME = 40, 60
"""PostgreSQL cuts a name at 63 bytes, and names of other things are derived from these."""

QUERY_PARAMETERS = frozenset({"start", "end", "as_of", "as_of_mode", "release", "revisions"}) | {
    *("wide", "fields", "order", "limit", "cursor", "format")
}
"""What a read takes besides filters."""

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TAKEN_COLUMNS = {c.name for c in BOOKKEEPING + LINEAGE} | {"known_from", "known_until", "ts"}
_TAKEN_TABLES = {"dead_letters", "consumer_offsets", "api_keys"}
_DERIVED = ("_revisions", "_versions", "_as_of", "_row")


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
    retention    how long the topic keeps records; None: for ever
    checks       what no true row can say; such rows are stored and counted
    schema_version  rises when older loaders must not read the messages any more; producers
                 name it in the header `schema_version` from 2 on
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
    retention: dt.timedelta | None = None
    checks: tuple[Check, ...] = ()
    schema_version: int = 1

    def __post_init__(self) -> None:
        for complaint in self._complaints():
            raise TypeError(f"dataset {self.name}: {complaint}")

    @property
    def entity(self) -> str:
        """The column whose text is the message key."""
        return self.key[0]

    @property
    def revisions(self) -> str:
        """Name of the table that keeps every version but the current one."""
        return f"{self.name}_revisions"

    @cached_property
    def needs_law(self) -> bool:
        """Whether the row has rules that cannot be judged by whole columns, only by its model."""
        return has_validators(self.row) or not all(column.plain for column in self.columns)

    @property
    def documentation(self) -> str:
        """What the dataset holds, as its row's docstring says."""
        return inspect.cleandoc(self.row.__doc__ or "")

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The fields of the row, in the order of their declaration."""
        return tuple(
            read_field(name, info, versioned=name not in self.unversioned)
            for name, info in self.row.model_fields.items()
        )

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
    def check_sql(self) -> dict[str, str]:
        """The condition in SQL, valid on both databases, that the flagged rows of a check meet."""
        return {check.name: check.sql(self._kinds) for check in self.checks}

    def count_flagged(self, table: pa.Table) -> dict[str, int]:
        """Return how many rows each check flags, for those that flag any.

        The table is a decoded batch: the fields and, where rows have versions, `as_of`.
        """
        counts = {check.name: check.flags(table, self._kinds) for check in self.checks}
        return {name: n for name, flags in counts.items() if (n := pc.sum(flags).as_py())}

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        return {column.name: column.kind for column in self.columns}

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
        about = {"title": self.name, "x-key": list(self.key), "x-entity": self.entity}
        return {"$schema": JSON_SCHEMA_DIALECT} | schema | about

    def _complaints(self) -> Iterator[str]:
        """Yield what is wrong with the declaration; raises TypeError for a wrong name or field."""
        check_identifier(self.name, MAX_NAME)
        for alias in filter(None, [self.alias]):
            check_identifier(alias, MAX_NAME)
        if self.name in _TAKEN_TABLES or self.name.endswith(_DERIVED):
            yield "this name is taken, or looks like a derived table's"
        if _rules(self.row) != _rules(Row):
            yield "its row is no Row, or changes what makes a Row strict"
        if not self.documentation:
            yield "its row has no docstring, which is its documentation"
        yield from self._column_complaints()
        yield from self._key_complaints()
        yield from self._check_complaints()

    def _column_complaints(self) -> Iterator[str]:
        by_name = {column.name: column for column in self.columns}
        for name in by_name:
            check_identifier(name, MAX_COLUMN_NAME)
        if reserved := _TAKEN_COLUMNS & by_name.keys():
            yield f"these columns are the bookkeeping's: {sorted(reserved)}"
        used = {*self.key, *self.filterable, *self.unversioned, *filter(None, [self.time])}
        if unknown := used - by_name.keys():
            yield f"there are no columns {sorted(unknown)}"
        if self.time and by_name[self.time].kind not in (Kind.DATE, Kind.TIMESTAMP):
            yield f"time column {self.time} is neither date nor timestamp"
        if ambiguous := QUERY_PARAMETERS & set(self.selectable):
            yield f"a query means something else by {sorted(ambiguous)}: they cannot be filters"

    def _key_complaints(self) -> Iterator[str]:
        if not self.key or len(set(self.key)) < len(self.key):
            yield "a key has columns, each once"
        if set(self.key) & set(self.unversioned):
            yield "a key column cannot be unversioned"
        if self.column(self.entity).kind is not Kind.TEXT:
            yield f"the entity {self.entity} is the message key, so it is a text"
        for column in map(self.column, self.key):
            if column.nullable or column.has_default:
                yield f"key {column.name} must be given and not null"
            if column.kind in (Kind.FLOAT, Kind.TEXTS):
                yield f"key {column.name}: a {column.kind.label} identifies nothing"
            if column.kind is Kind.TEXT and column.max_length is None:
                yield f"key {column.name}: an index needs a longest length, as Code has"

    def _check_complaints(self) -> Iterator[str]:
        names = [check.name for check in self.checks]
        for name in names:
            check_identifier(name, MAX_NAME)
        if len(set(names)) < len(names):
            yield "two checks have one name"
        known = {column.name for column in self.columns} | ({AS_OF} if self.versioned else set())
        for check in self.checks:
            if unknown := check.columns - known:
                yield f"check {check.name} reads columns there are not: {sorted(unknown)}"
        if self.retention is not None and self.retention <= dt.timedelta():
            yield "a retention is longer than nothing"
        if self.schema_version < 1:
            yield "schema versions begin with 1"


def _rules(row: type[BaseModel]) -> dict[str, Any]:
    cosmetic = {"title", "json_schema_extra", "use_attribute_docstrings"}
    return {name: rule for name, rule in row.model_config.items() if name not in cosmetic}


__all__ = [
    "BOOKKEEPING",
    "LINEAGE",
    "UTC_MICROSECONDS",
    "Ahead",
    "Bigint",
    "Cadence",
    "Check",
    "Code",
    "Column",
    "Comparison",
    "Dataset",
    "Kind",
    "Row",
    "Timestamp",
    "Unit",
    "at",
    "bar_known_at",
    "end_of",
    "impossible_candle",
    "in_future",
    "negative",
    "outside",
]
