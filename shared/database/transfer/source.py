"""Where rows come from: a database whose tables are ours, or earlier ones read as ours."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.database.base import Database
from shared.database.sql import quote
from shared.database.tables import Table
from shared.database.transfer import older
from shared.database.transfer.parts import Cut, Unit
from shared.errors import ConfigError

_COLUMNS = """SELECT table_name AS t, column_name AS c, data_type AS kind
FROM information_schema.columns WHERE table_schema = current_schema()
ORDER BY table_name, ordinal_position"""


@dataclass(frozen=True, slots=True)
class Side:
    """A database, the statements on it, and what is to be said of its tables.

    older  the units whose tables are an earlier program's
    notes  a line for each thing that a user should know before rows are moved
    """

    database: Database
    cut: Cut
    older: frozenset[str] = frozenset()
    notes: list[str] = field(default_factory=list)

    def has(self, unit: Unit) -> bool:
        """Return whether this side has rows of a unit to tell of."""
        return self.cut.has(unit.table)


async def look(
    database: Database,
    units: Sequence[Unit],
    since: dt.datetime | None,
    known_at: Mapping[str, int] | None,
) -> Side:
    """Return a database as a side, each of its tables as the catalogue has it.

    `known_at` is when the rows of an earlier program's tables became known, by table, where
    they do not say, in seconds since 1970; None where there are to be none such.

    Raises ConfigError for tables that are neither ours nor an earlier program's, or a newer
    one's.
    """
    live: dict[str, dict[str, str]] = {}
    for row in (await database.fetch(_COLUMNS)).to_pylist():
        live.setdefault(row["t"], {})[row["c"]] = row["kind"]
    relations: dict[str, str] = {}
    earlier: set[str] = set()
    notes: list[str] = []
    for unit in units:
        for table in unit.tables:
            standing = live.get(table.name)
            if standing is None:
                continue
            if _is_ours(table, standing):
                relations[table.name] = quote(table.name)
            elif table is unit.table and known_at is not None:
                relations[table.name] = _earlier(table, standing, known_at[table.name], notes)
                earlier.add(unit.name)
            else:
                raise ConfigError(
                    f"{table.name} lacks columns that it should have: run `econstream schema "
                    "apply` on that database first"
                )
    cut = Cut(database.backend, relations, since)
    return Side(database, cut, frozenset(earlier), notes)


def _is_ours(table: Table, standing: Mapping[str, str]) -> bool:
    declared = {column.name for column in table.columns}
    if not declared <= standing.keys():
        return False
    more = sorted(standing.keys() - declared)
    if more:
        raise ConfigError(
            f"{table.name} has the columns {', '.join(more)}, which this version does not know "
            "and would lose: use the version of econstream that made them, or drop them"
        )
    return True


def _earlier(table: Table, standing: Mapping[str, str], known_at: int, notes: list[str]) -> str:
    found = older.relation(table, standing, known_at)
    if found is None:
        raise ConfigError(
            f"{table.name} has the columns {', '.join(standing)} and no key "
            f"({', '.join(table.key)}): rename them, or leave the table out with --tables"
        )
    left = older.left_behind(table, standing)
    behind = f"; its columns {', '.join(left)} have no place and stay behind" if left else ""
    notes.append(f"{table.name} is an earlier program's: read by its older names{behind}")
    return found
