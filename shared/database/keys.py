"""API keys in the database: making, finding and revoking them, and when each was last used."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from shared.database.sql import listed
from shared.database.tables import API_KEYS
from shared.errors import Fatal
from shared.keys import Key, Scope

MAX_KEYS = 10_000
"""Usable keys that there may be: every API holds them all."""

_COLUMNS = tuple(column.name for column in API_KEYS.columns)
_PLACES = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
_USABLE = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"

_INSERT = f"""INSERT INTO api_keys ({listed(_COLUMNS)}) SELECT {_PLACES}
WHERE (SELECT count(*) FROM api_keys WHERE {_USABLE}) < {MAX_KEYS}"""
_ALL = f"SELECT {listed(_COLUMNS)} FROM api_keys ORDER BY created_at, id"
_LIVING = f"SELECT {listed(_COLUMNS)} FROM api_keys WHERE {_USABLE} LIMIT {2 * MAX_KEYS}"
_REVOKE = "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL"
_USED = "UPDATE api_keys SET last_used_at = now() WHERE id IN (SELECT unnest($1::text[]))"


class Executing(Protocol):
    """What of a database keys need."""

    async def fetch(
        self, sql: str, parameters: Sequence[Any] = (), *, timeout_ms: int | None = None
    ) -> pa.Table: ...

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int: ...


async def add_key(database: Executing, key: Key) -> None:
    """Store a key; raises Fatal where there are MAX_KEYS usable ones."""
    values = _row(key)
    if not await database.execute(_INSERT, [values[name] for name in _COLUMNS]):
        raise Fatal(f"there are {MAX_KEYS:,} usable keys: revoke some, or let them expire")


async def list_keys(database: Executing) -> list[Key]:
    """Return every key there ever was, the oldest first."""
    return [_key(row) for row in (await database.fetch(_ALL)).to_pylist()]


async def usable_keys(database: Executing) -> list[Key]:
    """Return the keys that are neither revoked nor expired."""
    return [_key(row) for row in (await database.fetch(_LIVING)).to_pylist()]


async def revoke_key(database: Executing, identity: str) -> bool:
    """End a key; returns whether it was usable until now."""
    return bool(await database.execute(_REVOKE, [identity]))


async def mark_used(database: Executing, identities: Sequence[str]) -> None:
    """Store that these keys were used now."""
    await database.execute(_USED, [list(identities)])


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "digest": key.digest,
        "pepper": key.pepper,
        "scopes": [str(scope) for scope in key.scopes],
        "datasets": None if key.datasets is None else list(key.datasets),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }


def _key(row: Mapping[str, Any]) -> Key:
    """Return a stored key; a scope that this version does not know gives no right."""
    known = {str(scope) for scope in Scope}
    scopes = tuple(Scope(scope) for scope in row["scopes"] if scope in known)
    datasets = None if row["datasets"] is None else tuple(row["datasets"])
    return Key(**{**row, "scopes": scopes, "datasets": datasets})
