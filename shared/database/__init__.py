"""The databases behind one door; see base for what services ask of them."""

from shared.database.connection import (
    DatabaseConnection,
    get_database_backend,
    get_db_connection,
)

__all__ = ["DatabaseConnection", "get_database_backend", "get_db_connection"]
