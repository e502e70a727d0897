"""Where a whole table is cut, so that a database that has to sort it sorts a part at a time."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from services.api.queries.conditions import Conditions
from services.api.queries.select import Query
from services.api.reading import Read
from shared.database.sql import quote

ROWS = 65_536
MOST = 32
"""Of large tables the parts grow, as each costs a look at the whole."""


def select_stretches(read: Read) -> Query:
    """Return the query of the last value of each stretch, by the first column of the order."""
    given, column = Conditions(read), read.key[0]
    name, table = quote(column.name), quote(read.dataset.name)
    conditions = " AND ".join(given.of_key("c"))
    where = f" WHERE {conditions}" if conditions else ""
    rows, most = given.value(ROWS), given.value(MOST)
    counted = f"SELECT c.{name} AS v, count(*) AS n FROM {table} AS c{where} GROUP BY c.{name}"
    size = f"greatest({rows}::bigint, (sum(n) OVER () // {most}::bigint)::bigint)"
    part = f"((sum(n) OVER (ORDER BY v) - 1) // {size})::bigint"
    parted = f"SELECT v, {part} AS part FROM ({counted})"
    sql = f"SELECT max(v) AS {name} FROM ({parted}) GROUP BY part ORDER BY 1"
    return Query(sql, given.values, (column,))


def stretches(read: Read, ends: Sequence[Any]) -> list[Read]:
    """Return reads that together are a read, in its order; they leave no value out."""
    bounds = [None, *ends[:-1], None]
    parts = [replace(read, stretch=pair) for pair in pairwise(bounds)]
    return parts[::-1] if read.descending else parts
