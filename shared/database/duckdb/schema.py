"""DuckDB's catalogue read, and the schema applied in one transaction."""

import duckdb

from shared.database import catalog
from shared.database.catalog import Live, LiveColumn, LiveTable
from shared.database.ddl import DUCKDB
from shared.database.duckdb.session import transaction
from shared.database.duckdb.threads import Call
from shared.dataset import Dataset

_OURS = "schema_name = current_schema() AND database_name = current_database()"
_TABLES = f"SELECT table_name, comment FROM duckdb_tables() WHERE {_OURS}"
_VIEWS = f"SELECT view_name, comment FROM duckdb_views() WHERE {_OURS} AND NOT internal"
_COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns() "
    f"WHERE {_OURS} AND NOT internal ORDER BY table_name, column_index"
)
_KEYS = (
    "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints() "
    f"WHERE {_OURS} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')"
)
_FUNCTIONS = (
    f"SELECT function_name FROM duckdb_functions() WHERE {_OURS} AND function_type = 'table_macro'"
)


def live(connection: duckdb.DuckDBPyConnection) -> Live:
    """Return what stands in the file."""
    columns: dict[str, dict[str, LiveColumn]] = {}
    for table, name, kind, nullable, comment in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(table, {})[name] = LiveColumn(kind, nullable, comment)
    keys: dict[str, tuple[str, ...]] = {}
    unique: dict[str, list[tuple[str, ...]]] = {}
    for table, constraint, names in connection.execute(_KEYS).fetchall():
        unique.setdefault(table, []).append(tuple(names))
        if constraint == "PRIMARY KEY":
            keys[table] = tuple(names)
    return Live(
        tables={
            name: LiveTable(
                columns.get(name, {}), comment, keys.get(name, ()), tuple(unique.get(name, []))
            )
            for name, comment in connection.execute(_TABLES).fetchall()
        },
        views={
            name: LiveTable(columns.get(name, {}), comment)
            for name, comment in connection.execute(_VIEWS).fetchall()
        },
        functions=frozenset(name for (name,) in connection.execute(_FUNCTIONS).fetchall()),
        triggered=frozenset(),
    )


def apply(
    connection: duckdb.DuckDBPyConnection, datasets: list[Dataset], call: Call[list[str]]
) -> list[str]:
    """Create what is missing in one transaction; return a line for each thing done."""
    with transaction(connection, call):
        standing = live(connection)
        statements = catalog.upgrade(datasets, standing, DUCKDB)
        for statement in statements:
            call.check()
            connection.execute(statement)
        after = live(connection)
    return catalog.mended(datasets, standing, after, DUCKDB)


def check(connection: duckdb.DuckDBPyConnection, datasets: list[Dataset]) -> list[str]:
    """Return the differences between the declarations and the live tables."""
    return catalog.differences(datasets, live(connection), DUCKDB)
