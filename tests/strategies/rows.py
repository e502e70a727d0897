"""Rows of any dataset, with the most extreme content that each column holds."""

import datetime as dt
from typing import Annotated, Any

import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import Field

from shared.columns import INT64_MAX, INT64_MIN, Column, Kind
from shared.dataset import Bigint, Code, Dataset, Row, Timestamp


class Everything(Row):
    """A row with a column of each kind, with and without null, default and bounds."""

    code: Annotated[Code, Field(description="a bounded text")]
    day: Annotated[dt.date, Field(description="a date")]
    number: Annotated[Bigint, Field(description="a whole number in the key")]
    title: Annotated[str, Field(description="a text without bounds")]
    figure: Annotated[float, Field(description="a figure")]
    moment: Annotated[Timestamp, Field(description="a moment")]
    flag: Annotated[bool, Field(description="yes or no")]
    names: Annotated[list[str], Field(description="some texts")]
    label: Annotated[Code | None, Field(description="a bounded text or null")]
    note: Annotated[str | None, Field(description="a text or null")]
    ratio: Annotated[float | None, Field(description="a figure or null")]
    count: Annotated[Bigint | None, Field(description="a whole number or null")]
    until: Annotated[dt.date | None, Field(description="a date or null")]
    seen: Annotated[Timestamp | None, Field(description="a moment or null")]
    sure: Annotated[bool | None, Field(description="yes, no or null")]
    tags: Annotated[list[str] | None, Field(description="some texts or null")]
    unit: Annotated[str | None, Field(description="null unless given")] = None
    kind: Annotated[str | None, Field(description="may be null, else usual")] = "usual"
    is_final: Annotated[bool, Field(description="true unless given")] = True
    weight: Annotated[float, Field(description="one unless given")] = 1.0


EVERYTHING = Dataset(
    name="everything", row=Everything, key=("code", "day", "number"), cadence="daily", time="day"
)

_ANY = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    st.sampled_from('"\\/\b\f\n\r\t\x01\x1f\x7f{}[]:, é€😀\u2028\ufeff'),
)
_TAME = st.sampled_from("ab :,[]{}'é€😀\u2028")
_NAMES = list(Everything.model_fields)


def texts(column: Column, *, tame: bool = False) -> SearchStrategy[str]:
    """Draw texts as long as the column takes; quotes and control characters are frequent.

    Tame ones have none, so that JSON needs no backslash; many are names of columns.
    """
    size = {"min_size": column.min_length or 0, "max_size": column.max_length or 40}
    if tame:
        return st.sampled_from(_NAMES) | st.text(_TAME, **size)
    return st.text(_ANY, **size)


def values(column: Column, *, tame: bool = False) -> SearchStrategy[Any]:
    """Draw what a column can hold, null included where it may be."""
    match column.kind:
        case Kind.TEXT:
            drawn: SearchStrategy[Any] = texts(column, tame=tame)
        case Kind.BIGINT:
            drawn = st.integers(INT64_MIN, INT64_MAX)
        case Kind.FLOAT:
            drawn = st.floats(allow_nan=False, allow_infinity=False) | st.just(-0.0)
        case Kind.BOOLEAN:
            drawn = st.booleans()
        case Kind.DATE:
            drawn = st.dates()
        case Kind.TIMESTAMP:
            drawn = st.datetimes(timezones=st.just(dt.UTC))
        case Kind.TEXTS:
            drawn = st.lists(texts(column, tame=tame), max_size=3)
        case _:
            raise TypeError(f"no strategy for {column.kind}")
    return st.none() | drawn if column.nullable else drawn


def rows(dataset: Dataset, *, tame: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Draw rows of a dataset, every field present."""
    return st.fixed_dictionaries({c.name: values(c, tame=tame) for c in dataset.columns})


def tables(dataset: Dataset, max_size: int = 5) -> SearchStrategy[pa.Table]:
    """Draw tables of a dataset's rows."""
    drawn = st.lists(rows(dataset), max_size=max_size)
    return drawn.map(lambda some: pa.Table.from_pylist(some, schema=dataset.arrow_schema))
