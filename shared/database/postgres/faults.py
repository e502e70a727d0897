"""PostgreSQL's errors, translated into the reaction they ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from shared.errors import ConfigError, EconstreamError, Fatal, InvalidRecord, Transient

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectInUseError,
    asyncpg.ReadOnlySQLTransactionError,
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


def translate(exc: BaseException) -> EconstreamError | None:
    """Return the error to raise instead, or None where the exception is not the database's."""
    match exc:
        case asyncpg.exceptions.ClientConfigurationError():
            return ConfigError(f"PostgreSQL cannot be reached with these settings: {exc}")
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return Fatal(f"PostgreSQL: {exc}; run `econstream schema apply` if a table is missing")
        case _ if isinstance(exc, _WRONG_SETTING):
            return ConfigError(
                f"PostgreSQL refuses the connection or the right: {exc}; "
                "check DATABASE_URL or POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB"
            )
        case _ if isinstance(exc, _INVALID):
            assert isinstance(exc, asyncpg.PostgresError)
            return InvalidRecord(f"server_{exc.sqlstate}", f"PostgreSQL refuses a value: {exc}")
        case _ if isinstance(exc, _AWAY):
            return Transient(f"PostgreSQL is away or busy ({type(exc).__name__}: {exc})")
        case asyncpg.PostgresError():
            return Fatal(f"PostgreSQL: {exc}")
        case _:
            return None


@contextmanager
def translated() -> Iterator[None]:
    """Raise the project's errors for PostgreSQL's."""
    try:
        yield
    except EconstreamError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as exc:
        error = translate(exc)
        if error is None:
            raise
        raise error from exc
