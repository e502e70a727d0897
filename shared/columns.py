"""The few column types there are, and how each is written in Arrow, PostgreSQL and DuckDB."""

import datetime as dt
import enum
import types
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

import pyarrow as pa
from pydantic import AwareDatetime

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


_BY_PYTHON_TYPE: dict[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.BIGINT,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    dt.date: Kind.DATE,
    AwareDatetime: Kind.TIMESTAMP,
    list[str]: Kind.TEXTS,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset or of the bookkeeping beside it.

    `default` is meaningful only where `has_default`; `min_length` and `max_length`
    bound a text in characters; `versioned` is false for a field that is updated in
    place and makes no version.
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


def read_annotation(annotation: Any) -> tuple[Kind, bool]:
    """Return the column type of a field's annotation and whether it may be null.

    Raises TypeError for a type that no column can hold.
    """
    nullable = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            nullable = nullable or len(members) < len(get_args(annotation))
            if len(members) != 1:
                raise TypeError(f"a column has one type, not {annotation}")
            annotation = members[0]
        else:
            break
    if annotation not in _BY_PYTHON_TYPE:
        raise TypeError(f"no column type for {annotation}: use one of {list(_BY_PYTHON_TYPE)}")
    return _BY_PYTHON_TYPE[annotation], nullable
