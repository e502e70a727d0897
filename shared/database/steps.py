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
    """Store rows in a table as they are; raises Overtaken where a key is stored already."""

    table: str
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class WaitNoMore:
    """From now on wait for no other writer: a step that would have to raises Overtaken."""


@dataclass(frozen=True, slots=True)
class Compute:
    """Do work of the CPU off the event loop; the answer is its outcome."""

    work: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell whoever listens, once all is committed, that more of a topic is stored."""

    topic: str


Step = Execute | Select | Load | Append | WaitNoMore | Compute | Announce
T = TypeVar("T")


class Overtaken(Exception):
    """A shorter way was taken than another writer, or what is stored, leaves open."""


Steps = Generator[Step, Any, T]
"""A transaction in steps: yields each, is sent its answer, returns the outcome."""
