"""SQL of dead letters: listed newest first, told whole, and counted."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from services.api.queries.select import Query
from shared.columns import Column
from shared.database.sql import listed
from shared.database.tables import DEAD_LETTERS

LISTED: tuple[Column, ...] = tuple(
    column for column in DEAD_LETTERS.columns if column.name not in ("key", "value", "headers")
)
"""What a list tells of each letter: all but its bytes, which may be many."""


@dataclass(frozen=True, slots=True)
class Letters:
    """Which letters are meant; None means any. `before` is the id that a page ended with."""

    dataset: str | None = None
    error_code: str | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    resolved: bool = False
    before: int | None = None


def select_letters(chosen: Letters, limit: int) -> Query:
    """Return the query of a page, and of one letter more, which tells whether it is cut."""
    given: dict[str, Any] = {
        "dataset = {}": chosen.dataset,
        "error_code = {}": chosen.error_code,
        "created_at >= {}": chosen.start,
        "created_at <= {}": chosen.end,
        "id < {}": chosen.before,
    }
    used = {text: value for text, value in given.items() if value is not None}
    conditions = [text.format(f"${place}") for place, text in enumerate(used, 1)]
    conditions.append(f"resolved_at IS {'NOT ' if chosen.resolved else ''}NULL")
    names = listed(column.name for column in LISTED)
    sql = f"SELECT {names} FROM dead_letters WHERE {' AND '.join(conditions)}"
    last = f"${len(used) + 1}"
    return Query(f"{sql} ORDER BY id DESC LIMIT {last}", (*used.values(), limit + 1), LISTED)


def select_letter(letter: int) -> Query:
    """Return the query of one letter with all there is of it."""
    columns = DEAD_LETTERS.columns
    names = listed(column.name for column in columns)
    return Query(f"SELECT {names} FROM dead_letters WHERE id = $1", (letter,), columns)


COUNT_OPEN = (
    "SELECT dataset, error_code, count(*) AS n FROM dead_letters WHERE resolved_at IS NULL "
    "GROUP BY dataset, error_code ORDER BY dataset, error_code"
)
"""The open letters of each dataset, by the fault."""

RECENT_RUNS = """SELECT source, data_type, refresh_time, status, records_updated, error_message
FROM (SELECT *, row_number() OVER (PARTITION BY source, data_type ORDER BY refresh_time DESC) AS n
FROM data_refresh_log) AS r WHERE n <= 10 ORDER BY source, data_type, refresh_time DESC"""
"""The last runs of each source for each dataset, the newest first."""
