"""DuckDB's errors, translated into the reaction they ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from shared.errors import EconstreamError, Fatal, InvalidRecord, Transient

_AWAY = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.ResourceInUseException,
    duckdb.InterruptException,
)
_INVALID = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.ConstraintException,
    duckdb.TypeMismatchException,
)


def translate(exc: duckdb.Error) -> EconstreamError:
    """Return the error to raise instead of DuckDB's."""
    reason = str(exc).split("\n", 1)[0]
    if isinstance(exc, duckdb.TransactionException) and "read-only" in reason:
        return Fatal("only one statement that reads is allowed here")
    if isinstance(exc, _INVALID):
        return InvalidRecord("server_refused", f"DuckDB refuses a value: {reason}")
    if isinstance(exc, _AWAY):
        return Transient(f"DuckDB is busy or its disk is: {reason}")
    return Fatal(f"DuckDB: {reason}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise the project's errors for DuckDB's."""
    try:
        yield
    except duckdb.Error as exc:
        raise translate(exc) from exc
