"""What two databases have among the same keys: how many rows, and their checksum."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from shared.database.base import Database, Statement
from shared.database.transfer.checksum import BY_INDEX
from shared.database.transfer.parts import Key, Span, Unit
from shared.database.transfer.source import Side

_LARGEST = 2
"""An entity of more parts than that is cut within."""


async def same_rows(source: Side, target: Side, unit: Unit, span: Span) -> int | None:
    """Return how many rows a part has where both sides have the same, else None."""
    theirs, ours = await asyncio.gather(
        totals_of(target, unit, span), totals_of(source, unit, span)
    )
    return theirs[0] if theirs[0] and theirs == ours else None


async def spans_of(side: Side, unit: Unit, rows: int, after: Key | None) -> list[Span]:
    """Return the parts of a unit behind a key, of about so many rows each."""
    sql, values = side.cut.entities(unit, rows, after)
    found = await rows_of(side.database, sql, values)
    if found and found[0]["largest"] > _LARGEST * rows:
        sql, values = side.cut.edges(unit, rows, after)
        edges = [unit.key_of(row) for row in await rows_of(side.database, sql, values)]
    else:
        edges = [(row[unit.key[0]],) for row in found]
    return [Span(a, b) for a, b in pairwise([after, *edges, None])]


async def totals_of(side: Side, unit: Unit, span: Span) -> tuple[int, str]:
    """Return how many rows a side has among the keys of a part, and their checksum."""
    if not side.has(unit):
        return 0, ""
    sql, values = side.cut.totals(unit, span)
    if side.cut.backend == "postgresql":
        asked: Statement = (sql, values)
        parts = [part async for part in side.database.stream(BY_INDEX, then=[asked])]
        row = parts[-1].to_pylist()[0]
    else:
        [row] = await rows_of(side.database, sql, values)
    return row["n"], row["checksum"]


async def rows_of(database: Database, sql: str, values: Iterable[object]) -> list[dict[str, Any]]:
    """Return all rows of a query; for answers known to be small."""
    return (await database.fetch(sql, tuple(values))).to_pylist()  # type: ignore[no-any-return]
