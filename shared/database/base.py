"""What services ask of a database, whichever it is: the one protocol that both implement."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from shared.database.steps import Steps
from shared.dataset import Dataset
from shared.decode import Rejected
from shared.record import Message


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the topics: a consumer group on one cluster."""

    cluster_id: str
    group_id: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a partition's stored reading stands; `next_offset` is the first not yet stored.

    `last_offset`, `last_timestamp_ms` and `last_crc32` are those of the record before it, by
    which a topic made anew under the same name is told apart; what stands between the two are
    marks of transactions. `first_offset` is where the epoch began to read.
    """

    topic: str
    partition: int
    epoch: int
    next_offset: int
    last_timestamp_ms: int | None = None
    last_crc32: int | None = None
    last_offset: int | None = None
    first_offset: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Move:
    """A step of one partition, from the position this owner started at to the one after it."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction writes: rows of a dataset, dead letters and the moves of offsets.

    table     `dataset.arrow_schema` followed by `decode.BATCH_FIELDS`, in order of arrival
    replayed  those of the messages that repeat a dead letter, with its id
    """

    reader: Reader
    dataset: Dataset
    table: pa.Table
    rejected: Sequence[Rejected] = ()
    moves: Sequence[Move] = ()
    replayed: Sequence[tuple[int, Message]] = ()


@dataclass(slots=True)
class Written:
    """How many records of a batch did what; a record counts once."""

    inserted: int = 0
    updated: int = 0
    confirmed: int = 0
    unchanged: int = 0
    dead_letters: int = 0
    revisions: int = field(default=0)


T = TypeVar("T")

Heard = Callable[[str], None]
"""Takes the name of a topic of which more is stored; runs on the event loop, and is quick."""


class Transaction(Protocol):
    """Statements that are stored together or not at all; for one task at a time."""

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return all rows of a query, which sees what the transaction has written."""

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it touched."""

    async def run(self, steps: Steps[T]) -> T:
        """Carry out steps and return their outcome."""


Statement = tuple[str, Sequence[Any]]
"""A statement's text and its parameters."""


class Database(Protocol):
    """A database that keeps the datasets; every method may raise Transient while it is away."""

    backend: str

    async def open(self) -> None:
        """Connect; bounded in time.

        Raises Transient where the server is away, ConfigError where it refuses the user, the
        password or the database, or where the file is no database or another process's.
        Opening an open database changes nothing.
        """

    async def close(self) -> None:
        """Release connections; idempotent. Streams that are still open end with Transient."""

    async def ping(self) -> None:
        """Return once the database has answered; raises Transient where it does not."""

    async def apply_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        """Create what is missing and add columns; return a line for each thing done.

        Raises ConfigError where a table could only be made to fit by dropping or narrowing.
        """

    async def check_schema(self, datasets: Iterable[Dataset]) -> list[str]:
        """Return a line for each difference between the declarations and the live tables."""

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        """Return the stored positions of (topic, partition, first offset), made where missing.

        A partition that the group has read on another cluster begins a new epoch.
        """

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        """Return the stored positions, of one reader or of the newest epoch of each partition."""

    async def reset_offsets(
        self, reader: Reader, targets: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        """Let the reading of each (topic, partition) go on at an offset, as another epoch.

        A running loader of the group stores nothing more from where it was, notices, and goes
        on from there. What is stored stays.
        """

    async def listen(self, heard: Heard) -> None:
        """Call `heard` for each topic of which more has been committed, until cancelled.

        Whoever wrote it: on PostgreSQL another process, on DuckDB this one. Raises Transient
        where the connection is lost, after which something may have gone unheard: ask for
        `positions` now and then all the same.
        """

    async def discard_letters(self, ids: Sequence[int]) -> int:
        """Resolve open dead letters that nobody wants to try again; return how many it was."""

    async def write(self, batch: Batch) -> Written:
        """Write a batch in one transaction, offsets first.

        Raises StaleOwner where the stored offsets are not those the moves start from, and
        InvalidRecord where the server refuses a row's values; nothing is written then.
        Cancelling rolls back, unless the commit was already under way.
        """

    async def rehearse(self, batch: Batch) -> None:
        """Write a batch and roll it back; raises what `write` would."""

    def stream(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_ms: int | None = None,
        whole: bool = False,
        then: Sequence[Statement] = (),
    ) -> AsyncIterator[pa.RecordBatch]:
        """Yield a query's rows in batches, at least one, perhaps empty, that tells the schema.

        Placeholders are $1, $2 …; the rows are read as of one moment, in constant memory,
        and nothing can be written. Types and values are the same on every database: moments
        in UTC, decimals and sums of integers as float64. `timeout_ms` bounds the wait for
        the first rows, then Transient is raised. `whole` says that there may be very many, so
        that all of them come sooner and the first a little later. The rows of the statements
        to ask `then`, of the same moment, follow one after the other. Closing the iterator ends
        the query and releases its connection. Raises Fatal for what is not one statement that
        reads.
        """

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table:
        """Return all rows of a query; for answers known to be small."""

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement and return how many rows it touched."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Lend a transaction: committed at the block's end, rolled back if the block raises.

        On PostgreSQL a lock is waited for 2 seconds; on DuckDB a row that another transaction
        changed meanwhile is not. Raises Transient then.
        """


__all__ = [
    "Batch",
    "Database",
    "Heard",
    "Move",
    "Position",
    "Reader",
    "Statement",
    "Transaction",
    "Written",
]
