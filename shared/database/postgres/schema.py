"""PostgreSQL's catalogue read, and the schema applied under a lock of its own."""

from shared.database import catalog
from shared.database.ddl import POSTGRESQL
from shared.database.postgres.session import Connection
from shared.dataset import Dataset

_LOCK = 0x65636F6E
"""Services that start together apply the schema one after the other."""

_COLUMNS = """SELECT c.relname AS "table", a.attname AS "column",
format_type(a.atttypid, a.atttypmod) AS "type", NOT a.attnotnull AS nullable
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"""

_KEYS = """SELECT c.relname AS "table", array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE i.indisprimary AND c.relnamespace = current_schema()::regnamespace GROUP BY c.relname"""


async def live(connection: Connection) -> dict[str, catalog.LiveTable]:
    """Return the tables of the connection's schema."""
    keys = {row["table"]: tuple(row["columns"]) for row in await connection.fetch(_KEYS)}
    columns: dict[str, dict[str, catalog.LiveColumn]] = {}
    for row in await connection.fetch(_COLUMNS):
        column = catalog.LiveColumn(row["type"], row["nullable"])
        columns.setdefault(row["table"], {})[row["column"]] = column
    return {name: catalog.LiveTable(found, keys.get(name, ())) for name, found in columns.items()}


async def apply(connection: Connection, datasets: list[Dataset]) -> list[str]:
    """Create what is missing in one transaction; return the differences that it mended."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        standing = await live(connection)
        missing = catalog.differences(datasets, standing, POSTGRESQL)
        for statement in catalog.upgrade(datasets, standing, POSTGRESQL):
            await connection.execute(statement)
    return missing


async def check(connection: Connection, datasets: list[Dataset]) -> list[str]:
    """Return the differences between the declarations and the live tables."""
    return catalog.differences(datasets, await live(connection), POSTGRESQL)
