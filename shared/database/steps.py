"""What a transaction is made of, said without a connection, so that both databases do the same."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a statement; the answer is the number of rows it touched."""

    sql: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Select:
    """Run a query; the answer is its rows, as an Arrow table."""

    sql: str
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """Make rows readable as a table that is gone with the transaction; the answer is 0."""

    name: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Append:
    """Store rows in a table as they are; the answer is 0.

    Raises Overtaken where a key is stored already, or, unless it `waits`, where another writer
    is storing it.
    """

    table: str
    rows: pa.Table
    waits: bool


@dataclass(frozen=True, slots=True)
class Compute:
    """Do work of the CPU off the event loop; the answer is its outcome."""

    work: Callable[[], Any]


Step = Execute | Select | Load | Append | Compute
T = TypeVar("T")


class Overtaken(Exception):
    """A row was to be stored as it is whose key is stored already."""


Steps = Generator[Step, Any, T]
"""A transaction in steps: yields each, is sent its answer, returns the outcome."""
