"""All bars of a ticker, out of the store, where the stream's state does not reach back."""

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

from services.processor.bars import Bars, from_table
from shared.database.base import Database, Reader
from shared.dataset import Dataset


class History(Protocol):
    """What is stored of the bars."""

    async def bars(self, entity: str, before: dt.datetime | None = None) -> Bars:
        """Return all current bars of a ticker, those stored before a moment where one is given."""

    async def stored(self, topic: str) -> Mapping[int, int]:
        """Return the first offset of each partition that is not stored yet."""


class StoredHistory:
    """The bars of the database; raises Transient while it is away."""

    def __init__(self, database: Database, dataset: Dataset, reader: Reader) -> None:
        self._database = database
        self._dataset = dataset
        self._reader = reader

    async def bars(self, entity: str, before: dt.datetime | None = None) -> Bars:
        held = [column.name for column in self._dataset.columns]
        wanted = [n for n in ("date", "high", "low", "close", "volume", "is_final") if n in held]
        columns = ", ".join(f'"{name}"' for name in (*wanted, "as_of"))
        named = self._dataset
        sql = f'SELECT {columns} FROM "{named.name}" WHERE "{named.entity}" = $1'  # noqa: S608  # the registry's names
        values: list[object] = [entity]
        if before is not None:
            sql += " AND updated_at < $2"
            values.append(before)
        return from_table(await self._database.fetch(f"{sql} ORDER BY date", values))

    async def stored(self, topic: str) -> Mapping[int, int]:
        positions = await self._database.positions(self._reader)
        return {p.partition: p.next_offset for p in positions if p.topic == topic}
