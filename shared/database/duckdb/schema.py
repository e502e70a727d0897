"""DuckDB's catalogue read, and the schema applied in one transaction."""

import duckdb

from shared.database import catalog
from shared.database.ddl import DUCKDB
from shared.dataset import Dataset

_COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
    "WHERE schema_name = current_schema() AND database_name = current_database() "
    "AND NOT internal ORDER BY table_name, column_index"
)
_KEYS = (
    "SELECT table_name, constraint_column_names FROM duckdb_constraints() "
    "WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()"
)


def live(connection: duckdb.DuckDBPyConnection) -> dict[str, catalog.LiveTable]:
    """Return the tables of the file."""
    keys = {name: tuple(columns) for name, columns in connection.execute(_KEYS).fetchall()}
    columns: dict[str, dict[str, catalog.LiveColumn]] = {}
    for table, name, kind, nullable in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(table, {})[name] = catalog.LiveColumn(kind, nullable)
    return {name: catalog.LiveTable(found, keys.get(name, ())) for name, found in columns.items()}


def apply(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> list[str]:
    """Create what is missing in one transaction; return the differences that it mended."""
    connection.begin()
    try:
        standing = live(connection)
        missing = catalog.differences(datasets, standing, DUCKDB)
        for statement in catalog.upgrade(datasets, standing, DUCKDB):
            connection.execute(statement)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return missing


def check(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> list[str]:
    """Return the differences between the declarations and the live tables."""
    return catalog.differences(datasets, live(connection), DUCKDB)
