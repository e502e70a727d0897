"""Every index of PostgreSQL serves the API, the loader or the command line, as EXPLAIN says."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import asyncpg

from services.api.queries import select_rows
from services.api.reading import read_request
from services.api.view import rows_of
from shared.database import keys, letters, positions
from shared.registry import discover
from shared.settings import Settings
from tests.batches import opened

_INDEXES = "SELECT indexname::text AS name FROM pg_indexes WHERE schemaname = current_schema()"


async def test_every_index_serves_a_query(postgres_url: str) -> None:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, discover()) as database:
        indexes = {row["name"] for row in (await database.fetch(_INDEXES)).to_pylist()}
    connection = await asyncpg.connect(postgres_url)
    # The tables are empty: what serves at all is asked, not what pays for a page.
    await connection.execute("SET enable_seqscan = off; SET enable_sort = off")
    used: set[str] = set()
    for sql, values in _questions():
        used |= indexes & await _named(connection, sql, values)
    await connection.close()
    assert len(indexes) >= 15
    assert indexes - used == set()


def _questions() -> Sequence[tuple[str, Sequence[Any]]]:
    asked: list[tuple[str, Sequence[Any]]] = []
    for dataset in discover():
        chosen = [(dataset.entity, "X")]
        views = [chosen]
        if dataset.versioned:
            views.append([*chosen, ("as_of", "2026-01-01")])
        for items in views:
            query = select_rows(read_request(rows_of(dataset), items, ""), "postgresql")
            asked.append((query.sql, query.parameters))
    asked += [(letters._DISCARD, ([1],)), (positions._OF_READER, ("cluster", "group"))]
    asked.append((keys._REVOKE, ("X",)))
    columns = 'cluster_id, topic, partition, "offset"'
    asked.append((f"SELECT {columns} FROM dead_letters ORDER BY {columns} LIMIT 50", ()))
    return asked


async def _named(connection: asyncpg.Connection, sql: str, values: Sequence[Any]) -> set[str]:
    async with asyncio.timeout(30):
        plan = await connection.fetch(f"EXPLAIN {sql}", *values)
    return set(re.findall(r"(?:using|on) (\w+)", "\n".join(row[0] for row in plan)))
