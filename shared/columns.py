"""The few column types there are, and how each is written in Arrow, PostgreSQL and DuckDB."""

import enum
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UTC_MICROSECONDS = pa.timestamp("us", "UTC")


class Kind(enum.Enum):
    """A column type, with its name in each of the three type systems."""

    TEXT = ("text", pa.string(), "text", "VARCHAR")
    BIGINT = ("bigint", pa.int64(), "bigint", "BIGINT")
    FLOAT = ("float", pa.float64(), "double precision", "DOUBLE")
    BOOLEAN = ("boolean", pa.bool_(), "boolean", "BOOLEAN")
    DATE = ("date", pa.date32(), "date", "DATE")
    TIMESTAMP = ("timestamp", UTC_MICROSECONDS, "timestamptz", "TIMESTAMPTZ")
    TEXTS = ("texts", pa.list_(pa.string()), "text[]", "VARCHAR[]")
    INTEGER = ("integer", pa.int32(), "integer", "INTEGER")
    BYTES = ("bytes", pa.binary(), "bytea", "BLOB")
    IDENTITY = ("identity", pa.int64(), "bigint", "BIGINT")

    def __init__(self, label: str, arrow: pa.DataType, postgres: str, duckdb: str) -> None:
        self.label = label
        self.arrow = arrow
        self.postgres = postgres
        self.duckdb = duckdb


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset or of the bookkeeping beside it.

    `default` is meaningful only where `has_default`; `min_length` and `max_length`
    bound a text in characters; `versioned` is false for a field that is updated in
    place and makes no version; `plain` is false where the field has further rules, which
    only its model knows.
    """

    name: str
    kind: Kind
    comment: str
    nullable: bool = True
    has_default: bool = False
    default: Any = None
    unit: str | None = None
    versioned: bool = True
    min_length: int | None = None
    max_length: int | None = None
    plain: bool = True
