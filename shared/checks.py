"""Checks of quality: rows that are well formed and cannot be true are stored, and counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Kind

AS_OF = "as_of"
Operator = Literal["<", ">"]

_ARROW: Mapping[str, Callable[..., pa.ChunkedArray]] = {"<": pc.less, ">": pc.greater}
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared with another or with a number; where one is null it does not hold."""

    left: str
    operator: Operator
    right: str | float

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.left, self.right) if isinstance(self.right, str) else (self.left,)

    def sql(self, _: Mapping[str, Kind]) -> str:
        """Return the condition as SQL that both databases read."""
        right = f'"{self.right}"' if isinstance(self.right, str) else repr(self.right)
        return f'"{self.left}" {self.operator} {right}'

    def holds(self, table: pa.Table, _: Mapping[str, Kind]) -> pa.ChunkedArray:
        """Return for each row whether it holds, null where one side is null."""
        right = table[self.right] if isinstance(self.right, str) else self.right
        return _ARROW[self.operator](table[self.left], right)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A date or moment over `days` days after the row's as_of: in the future when it was told."""

    column: str
    days: int = 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads."""
        return (self.column, AS_OF)

    def sql(self, kinds: Mapping[str, Kind]) -> str:
        """Return the condition as SQL that both databases read."""
        if kinds[self.column] is Kind.DATE:
            return f'"{self.column}" > CAST("as_of" AT TIME ZONE \'UTC\' AS date) + {self.days}'
        return f'"{self.column}" > "as_of" + INTERVAL \'{self.days} days\''

    def holds(self, table: pa.Table, kinds: Mapping[str, Kind]) -> pa.ChunkedArray:
        """Return for each row whether it holds, null where there is no date."""
        told = pc.cast(table[AS_OF], pa.int64())
        if kinds[self.column] is Kind.DATE:
            days = pc.cast(pc.cast(table[self.column], pa.int32()), pa.int64())
            return pc.greater(pc.multiply(pc.subtract(days, self.days), _MICROSECONDS_A_DAY), told)
        moments = pc.cast(table[self.column], pa.int64())
        return pc.greater(pc.subtract(moments, self.days * _MICROSECONDS_A_DAY), told)


@dataclass(frozen=True, slots=True)
class Check:
    """A named check: a row where any of the conditions holds is impossible, and is flagged.

    about  what such a row is, in words
    """

    name: str
    about: str
    fails: tuple[Comparison | Ahead, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns it reads."""
        return frozenset(column for condition in self.fails for column in condition.columns)

    def sql(self, kinds: Mapping[str, Kind]) -> str:
        """Return the condition that flagged rows meet; what is null flags nothing."""
        return " OR ".join(condition.sql(kinds) for condition in self.fails)

    def flags(self, table: pa.Table, kinds: Mapping[str, Kind]) -> pa.ChunkedArray:
        """Return for each row whether it is flagged; the table holds the rows and their as_of."""
        flags = pc.fill_null(self.fails[0].holds(table, kinds), False)
        for condition in self.fails[1:]:
            flags = pc.or_(flags, pc.fill_null(condition.holds(table, kinds), False))
        return flags


def negative(*columns: str) -> Check:
    """Return the check that none of these figures is below zero."""
    about = f"{' or '.join(columns)} below zero"
    return Check("negative", about, tuple(Comparison(column, "<", 0) for column in columns))


def outside(name: str, column: str, low: str | float, high: str | float) -> Check:
    """Return the check that a figure lies between two bounds, columns or numbers."""
    conditions = (Comparison(column, "<", low), Comparison(column, ">", high))
    return Check(name, f"{column} outside {low}..{high}", conditions)


def impossible_candle() -> Check:
    """Return the check that open and close lie within low and high, and low below high."""
    conditions = [Comparison("low", ">", "high")]
    for price in ("open", "close"):
        conditions += [Comparison(price, "<", "low"), Comparison(price, ">", "high")]
    return Check("impossible_candle", "open or close outside low..high", tuple(conditions))


def in_future(column: str) -> Check:
    """Return the check that a date or moment is at most a day after the as_of of its row."""
    return Check("in_future", f"{column} over a day after as_of", (Ahead(column),))
