"""Loaders with a fault of their own, which the harness must find out; each is a patch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.loader import write as loader_write
from shared.database.base import Batch, Written
from shared.database.postgres.database import PostgresDatabase
from shared.database.sql import Statements
from shared.decode import Decoded, decode
from shared.errors import Transient


def offsets_before_rows() -> None:
    """Commit the offsets in a transaction of their own, before the rows."""
    whole = PostgresDatabase.write

    async def write(self: PostgresDatabase, batch: Batch) -> Written:
        if batch.moves:
            await whole(self, _only_moves(batch))
        return await whole(self, replace(batch, moves=()))

    _patch(PostgresDatabase, "write", write)


def guard_dropped() -> None:
    """Let an older record replace the current row as a newer one does."""
    guarded = Statements._succeeds

    def succeeds(self: Statements, alias: str) -> str:
        said, guard = guarded(self, alias), f"i.as_of > {alias}.confirmed_as_of"
        assert guard in said, f"the guard reads otherwise by now: {said}"
        return said.replace(guard, f"i.as_of <> {alias}.as_of")

    _patch(Statements, "_succeeds", succeeds)


def outage_swallowed() -> None:
    """Take a batch for written though the database was away."""
    whole = PostgresDatabase.write

    async def write(self: PostgresDatabase, batch: Batch) -> Written:
        try:
            return await whole(self, batch)
        except Transient:
            return await whole(self, _only_moves(batch))

    _patch(PostgresDatabase, "write", write)


def refusal_swallowed() -> None:
    """Drop the messages that break the rules instead of keeping them as dead letters."""
    whole = decode

    def without_refusals(*given: Any) -> Decoded:
        return replace(whole(*given), rejected=[])

    _patch(loader_write, "decode", without_refusals)


MUTANTS: dict[str, Callable[[], None]] = {
    "offsets before rows": offsets_before_rows,
    "guard dropped": guard_dropped,
    "outage swallowed": outage_swallowed,
    "refusal swallowed": refusal_swallowed,
}


def _only_moves(batch: Batch) -> Batch:
    return replace(batch, table=batch.table.slice(0, 0), rejected=(), replayed=())


def _patch(owner: object, name: str, value: object) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} by now"
    setattr(owner, name, value)
