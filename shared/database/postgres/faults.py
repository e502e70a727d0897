"""PostgreSQL's errors, translated into the reaction they ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.errors import ConfigError, EconstreamError, Fatal, InvalidRecord, Transient

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""All that asyncpg raises, also when the other end dies in the middle of an answer."""

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.ObjectInUseError,
    asyncpg.UniqueViolationError,
    OSError,
    TimeoutError,
)
_WRONG_SETTING = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
_INVALID = (
    asyncpg.DataError,
    asyncpg.NotNullViolationError,
    asyncpg.CheckViolationError,
    asyncpg.ProgramLimitExceededError,
)
_NOT_OURS = ("must be owner of", "permission denied for schema")
_CHECK_SETTINGS = "check DATABASE_URL, or POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB"


def translate(exc: Exception) -> EconstreamError:
    """Return the error to raise instead of one of DRIVER_ERRORS."""
    # The lines after the first may quote rows.
    said = str(exc).split("\n", 1)[0]
    if isinstance(exc, asyncpg.InsufficientPrivilegeError) and said.startswith(_NOT_OURS):
        return ConfigError(
            f"PostgreSQL refuses the right: {said}: tables are missing, or older than this "
            "econstream, and this user may not change them: run `econstream schema apply` as "
            "their owner"
        )
    if isinstance(exc, _WRONG_SETTING):
        return ConfigError(
            f"PostgreSQL refuses the connection or the right: {said}; {_CHECK_SETTINGS}"
        )
    if isinstance(exc, asyncpg.PostgresError) and isinstance(exc, _INVALID):
        return InvalidRecord(f"server_{exc.sqlstate}", f"PostgreSQL refuses a value: {said}")
    if isinstance(exc, _AWAY):
        text = f"{type(exc).__name__}: {said}" if said else type(exc).__name__
        return Transient(f"PostgreSQL is away or busy ({text})")
    if isinstance(exc, asyncpg.DependentObjectsStillExistError):
        return ConfigError(f"PostgreSQL: {said}: drop them, then run `econstream schema apply`")
    if isinstance(exc, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return Fatal(f"PostgreSQL: {said}; run `econstream schema apply` if a table is missing")
    return Fatal(f"PostgreSQL: {said}")


@contextmanager
def translated() -> Iterator[None]:
    """Raise the project's errors for PostgreSQL's; to be put around calls of asyncpg alone."""
    try:
        yield
    except DRIVER_ERRORS as exc:
        raise translate(exc) from exc


@contextmanager
def connecting() -> Iterator[None]:
    """Raise Transient where the server is away, ConfigError where it or the address is wrong."""
    try:
        yield
    except (asyncpg.ClientConfigurationError, ValueError, OverflowError):
        # Not even as the cause: its text may quote the address, and so the password in it.
        raise ConfigError(f"the address of PostgreSQL cannot be read; {_CHECK_SETTINGS}") from None
    except DRIVER_ERRORS as exc:
        error = translate(exc)
        if not isinstance(error, Transient | ConfigError):
            error = ConfigError(f"PostgreSQL refuses the connection: {error}; {_CHECK_SETTINGS}")
        raise error from exc
