"""PostgreSQL behind the database protocol; the only place that knows asyncpg."""

from shared.database.postgres.database import PostgresDatabase

__all__ = ["PostgresDatabase"]
