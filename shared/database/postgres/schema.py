"""PostgreSQL's catalogue read, and the schema applied under a lock of its own."""

from shared.database import catalog
from shared.database.catalog import Live, LiveColumn, LiveTable
from shared.database.ddl import POSTGRESQL
from shared.database.postgres.faults import translated
from shared.database.postgres.session import Connection, transaction
from shared.database.roles import ROLES, LiveRoles
from shared.dataset import Dataset

_LOCK = 0x65636F6E
"""Services that start together apply the schema one after the other."""

_BEGIN = "BEGIN; SET LOCAL lock_timeout = '10s'"
_OURS = "relnamespace = current_schema()::regnamespace"

_COLUMNS = f"""SELECT c.relname AS "table", c.relkind = 'v' AS is_view, a.attname AS "column",
format_type(a.atttypid, a.atttypmod) || CASE WHEN a.atttypid <> 'text'::regtype
OR o.collname = 'C' OR c.relkind = 'v' THEN '' ELSE ' collated ' || o.collname END AS "type",
NOT a.attnotnull AS nullable, col_description(c.oid, a.attnum) AS comment,
obj_description(c.oid, 'pg_class') AS table_comment
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_collation o ON o.oid = a.attcollation
WHERE c.{_OURS} AND c.relkind IN ('r', 'p', 'v')
AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum"""

_KEYS = f"""SELECT c.relname AS "table", i.indisprimary AS is_primary,
array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE i.indisunique AND i.indpred IS NULL AND c.{_OURS} GROUP BY c.relname, i.indexrelid"""

_FUNCTIONS = "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"

_RIGHTS = f"""SELECT r.rolname AS role, c.relname AS "table", a.privilege_type AS privilege
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.{_OURS} AND r.rolname = ANY($1) UNION ALL
SELECT r.rolname, c.relname, a.privilege_type || ' (' || k.attname || ')' FROM pg_class c
JOIN pg_attribute k ON k.attrelid = c.oid CROSS JOIN LATERAL aclexplode(k.attacl) a
JOIN pg_roles r ON r.oid = a.grantee WHERE c.{_OURS} AND r.rolname = ANY($1)"""

_ROLES = """SELECT o.rolcreaterole OR o.rolsuper AS may_create,
ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1)) AS names
FROM pg_roles o WHERE o.rolname = current_user"""

_TRIGGERS = f"""SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgname = 'touch_updated_at' AND t.tgenabled <> 'D' AND c.{_OURS}"""


async def live(connection: Connection) -> Live:
    """Return what stands in the connection's schema."""
    with translated():
        keys = await connection.fetch(_KEYS)
        columns = await connection.fetch(_COLUMNS)
        functions = await connection.fetch(_FUNCTIONS)
        triggers = await connection.fetch(_TRIGGERS)
    found: dict[str, dict[str, LiveColumn]] = {}
    for row in columns:
        column = LiveColumn(row["type"], row["nullable"], row["comment"])
        found.setdefault(row["table"], {})[row["column"]] = column
    views = {row["table"] for row in columns if row["is_view"]}
    said = {row["table"]: row["table_comment"] for row in columns}
    primary = {row["table"]: tuple(row["columns"]) for row in keys if row["is_primary"]}
    everything = {
        name: LiveTable(
            described,
            said[name],
            primary.get(name, ()),
            tuple(tuple(row["columns"]) for row in keys if row["table"] == name),
        )
        for name, described in found.items()
    }
    return Live(
        tables={name: table for name, table in everything.items() if name not in views},
        views={name: table for name, table in everything.items() if name in views},
        functions=frozenset(row["proname"] for row in functions),
        triggered=frozenset(row["relname"] for row in triggers),
        roles=await _roles(connection),
    )


async def _roles(connection: Connection) -> LiveRoles:
    with translated():
        roles = await connection.fetchrow(_ROLES, list(ROLES))
        rights = await connection.fetch(_RIGHTS, list(ROLES))
    return LiveRoles(
        frozenset(roles["names"] if roles else ()),
        frozenset((row["role"], row["table"], row["privilege"]) for row in rights),
        bool(roles and roles["may_create"]),
    )


async def apply(connection: Connection, datasets: list[Dataset]) -> list[str]:
    """Create what is missing in one transaction; return a line for each thing done."""
    async with transaction(connection, _BEGIN):
        with translated():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        standing = await live(connection)
        statements = catalog.upgrade(datasets, standing, POSTGRESQL)
        if not statements:
            return []
        with translated():
            for statement in statements:
                await connection.execute(statement)
        after = await live(connection)
    return catalog.mended(datasets, standing, after, POSTGRESQL)


async def check(connection: Connection, datasets: list[Dataset]) -> list[str]:
    """Return the differences between the declarations and the live tables."""
    return catalog.differences(datasets, await live(connection), POSTGRESQL)
