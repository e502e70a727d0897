"""Where keys are made, listed and revoked: at the database, or through the `up` that holds it."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol, cast

from services.cli.database.store import open_store
from services.cli.session import find_up, holds_database
from shared.control import Door
from shared.database.base import Database
from shared.database.keys import add_key, list_keys, revoke_key
from shared.keys import Key, Pepper, Scope, make_key
from shared.pepper import check_pepper, find_pepper
from shared.record import decode_time, encode_time
from shared.registry import discover
from shared.settings import Settings

Document = dict[str, Any]


class Desk(Protocol):
    """What the commands need; documents are JSON, so that they pass through the control door."""

    async def create(self, order: Mapping[str, Any]) -> Document:
        """Make a key of `scopes`, `name`, `datasets` and `expires_at`; return it with its text."""

    async def listed(self) -> list[Document]:
        """Return every key there ever was, the oldest first, without what could open a door."""

    async def revoke(self, identity: str) -> bool:
        """End a key; return whether it was usable until now."""


class KeyDesk:
    """Keys at a database; `pepper` is called when one is made."""

    def __init__(self, database: Database, pepper: Callable[[], Pepper]) -> None:
        self._database = database
        self._pepper = pepper

    async def create(self, order: Mapping[str, Any]) -> Document:
        scopes = [Scope(scope) for scope in order["scopes"]]
        datasets, expires_at = order.get("datasets"), order.get("expires_at")
        pepper = await asyncio.to_thread(self._pepper)
        key, text = make_key(
            pepper,
            scopes,
            dt.datetime.now(dt.UTC),
            name=None if order.get("name") is None else str(order["name"]),
            datasets=None if datasets is None else [str(name) for name in datasets],
            expires_at=None if expires_at is None else decode_time(expires_at),
        )
        await add_key(self._database, key)
        told: Document = {"id": key.id, "key": text, "scopes": list(key.scopes)}
        told["expires_at"] = key.expires_at and encode_time(key.expires_at)
        return told if key.datasets is None else told | {"datasets": list(key.datasets)}

    async def listed(self) -> list[Document]:
        now = dt.datetime.now(dt.UTC)
        return [_told(key, now) for key in await list_keys(self._database)]

    async def revoke(self, identity: str) -> bool:
        return await revoke_key(self._database, identity)


class _Remote:
    """Keys of the database that a running `up` holds."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, order: Mapping[str, Any]) -> Document:
        return await asyncio.to_thread(self._door.create_key, order)

    async def listed(self) -> list[Document]:
        return await asyncio.to_thread(self._door.keys)

    async def revoke(self, identity: str) -> bool:
        return await asyncio.to_thread(self._door.revoke_key, identity)


@asynccontextmanager
async def open_desk(settings: Settings, *, making: bool = False) -> AsyncIterator[Desk]:
    """Lend the desk; raises as `open_store`, and ConfigError where no pepper may be had.

    To make a key a DuckDB file is made where there is none.
    """
    running = await asyncio.to_thread(find_up, settings)
    if running is not None and holds_database(settings, running):
        yield _Remote(Door(running))
        return
    if making:
        check_pepper(settings)
    async with open_store(settings, command="keys", create=making) as store:
        if making and settings.database_backend == "duckdb":
            await store.apply_schema(discover())
        yield KeyDesk(cast("Database", store), partial(find_pepper, settings))


def _told(key: Key, now: dt.datetime) -> Document:
    moments = {
        name: moment and encode_time(moment)
        for name in ("created_at", "expires_at", "revoked_at", "last_used_at")
        for moment in (getattr(key, name),)
    }
    datasets: Sequence[str] | None = key.datasets
    about = {"id": key.id, "name": key.name, "scopes": list(key.scopes), "pepper": key.pepper}
    only = {"datasets": None if datasets is None else list(datasets)}
    return about | only | {"state": key.state(now)} | moments
