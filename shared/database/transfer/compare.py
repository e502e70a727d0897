"""What two databases have among the same keys: how many rows, and their checksum."""

import asyncio
from collections.abc import Iterable
from typing import Any

from shared.database.base import Database
from shared.database.tables import Table
from shared.database.transfer.parts import Span, Unit
from shared.database.transfer.source import Side


async def same_rows(source: Side, target: Side, unit: Unit, span: Span) -> int | None:
    """Return how many rows a part has where both sides have the same, else None."""
    rows = 0
    for table in unit.tables:
        theirs, ours = await asyncio.gather(
            totals_of(target, unit, table, span), totals_of(source, unit, table, span)
        )
        if theirs != ours or (table is unit.table and not theirs[0]):
            return None
        rows += theirs[0]
    return rows


async def totals_of(side: Side, unit: Unit, table: Table, span: Span) -> tuple[int, str]:
    """Return how many rows a side has among the keys of a part, and their checksum."""
    if not side.cut.has(table):
        return 0, ""
    sql, values = side.cut.totals(unit, table, span)
    [row] = await rows_of(side.database, sql, values)
    return row["n"], row["checksum"]


async def rows_of(database: Database, sql: str, values: Iterable[object]) -> list[dict[str, Any]]:
    """Return all rows of a query; for answers known to be small."""
    return (await database.fetch(sql, tuple(values))).to_pylist()  # type: ignore[no-any-return]
