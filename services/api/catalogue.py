"""What the catalogue says of a dataset: its declaration, and how much of it is stored."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from services.api.freshness import expected_next
from services.api.queries import count_rows
from shared.columns import Kind
from shared.database.base import Database
from shared.dataset import Check, Column, Dataset
from shared.record import encode_time

KEEP_SECONDS = 5.0
"""How long counts are kept: counting reads the whole table."""

Entry = dict[str, Any]


class Catalogue:
    """Describes datasets; counts are at most KEEP_SECONDS old, and made once for all who ask."""

    def __init__(
        self,
        database: Database,
        timeout_ms: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._timeout_ms = timeout_ms
        self._clock = clock
        self._counts: dict[str, tuple[float, Entry]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def counts(self, dataset: Dataset) -> Entry:
        """Return how much of a dataset is stored, and how fresh it is; as `entry`."""
        return await self._count(dataset)

    async def entry(self, dataset: Dataset) -> Entry:
        """Return a dataset's entry; raises Transient while the database is away."""
        return describe(dataset) | await self._count(dataset)

    async def _count(self, dataset: Dataset) -> Entry:
        async with self._locks.setdefault(dataset.name, asyncio.Lock()):
            made_at, counts = self._counts.get(dataset.name, (0.0, {}))
            if not counts or self._clock() - made_at > KEEP_SECONDS:
                counts = await self._read(dataset)
                self._counts[dataset.name] = self._clock(), counts
            return counts

    async def _read(self, dataset: Dataset) -> Entry:
        table = await self._database.fetch(count_rows(dataset), timeout_ms=self._timeout_ms)
        count, first, last, newest, *flagged = (column[0].as_py() for column in table.columns)
        return {
            "rows": count,
            "first": _spelled(dataset, first),
            "last": _spelled(dataset, last),
            "newest_as_of": newest and encode_time(newest),
            "expected_next": (due := expected_next(dataset, last)) and due.isoformat(),
            "flagged": dict(zip(dataset.check_sql, flagged, strict=True)),
        }


def describe(dataset: Dataset) -> Entry:
    """Return what the declaration says of a dataset, as JSON."""
    return {
        "name": dataset.name,
        "documentation": dataset.documentation,
        "cadence": dataset.cadence,
        "key": list(dataset.key),
        "entity": dataset.entity,
        "time": dataset.time,
        "filterable": list(dataset.selectable),
        "alias": dataset.alias,
        "versioned": dataset.versioned,
        "retention_days": dataset.retention and dataset.retention / dt.timedelta(days=1),
        "checks": [_check(dataset, check) for check in dataset.checks],
        "fields": [_field(dataset, column) for column in dataset.columns],
        "data": f"/v1/data/{dataset.name}",
    }


def _check(dataset: Dataset, check: Check) -> Entry:
    return {
        "name": check.name,
        "description": check.about,
        "condition": dataset.check_sql[check.name],
    }


def _field(dataset: Dataset, column: Column) -> Entry:
    return {
        "name": column.name,
        "type": column.kind.label,
        "nullable": column.nullable,
        "unit": column.unit,
        "description": column.comment,
        "versioned": dataset.versioned and column.versioned,
    }


def _spelled(dataset: Dataset, moment: Any) -> str | None:
    if moment is None or dataset.time is None:
        return None
    is_date = dataset.column(dataset.time).kind is Kind.DATE
    return str(moment.isoformat()) if is_date else encode_time(moment)
