"""Chooses the database by DATABASE_BACKEND."""

from shared.database.base import Database
from shared.settings import Settings


def create_database(settings: Settings, *, application: str, read_only: bool = False) -> Database:
    """Return the database that the settings name, not opened yet; `application` is told it.

    A DuckDB file that is opened `read_only` must be there, and is left as it is.
    """
    if settings.database_backend == "postgresql":
        from shared.database.postgres import PostgresDatabase

        return PostgresDatabase(
            settings.postgres_dsn,
            pool_size=settings.database_pool_size,
            application=application,
            wait=settings.database_wait_ms / 1000,
        )
    from shared.database.duckdb import DuckdbDatabase

    return DuckdbDatabase(
        settings.duckdb_path,
        memory_limit=settings.duckdb_memory_limit,
        read_only=read_only,
        wait=settings.database_wait_ms / 1000,
    )
