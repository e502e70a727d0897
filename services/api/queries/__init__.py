"""SQL of reads: identifiers from the dataset's declaration, every value a parameter."""

from services.api.queries.changes import select_changes
from services.api.queries.counts import count_rows
from services.api.queries.letters import (
    COUNT_OPEN,
    RECENT_RUNS,
    Letters,
    select_letter,
    select_letters,
)
from services.api.queries.select import Query, select_entities, select_rows
from services.api.queries.stretch import select_stretches, stretches

__all__ = [
    "COUNT_OPEN",
    "RECENT_RUNS",
    "Letters",
    "Query",
    "count_rows",
    "select_changes",
    "select_entities",
    "select_letter",
    "select_letters",
    "select_rows",
    "select_stretches",
    "stretches",
]
