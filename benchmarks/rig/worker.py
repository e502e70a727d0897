"""The loader in a process of its own, warm, run once for each line that it is sent.

The first line holds the settings, each other one what to run: into the `database`, or into
`nothing`, which only consumes and decodes. Each run is answered by one line.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa

from services.loader.app import create_loader
from shared.database.base import Batch, Database, Position, Reader, Written
from shared.database.factory import create_database
from shared.kafka import connect
from shared.lifecycle import run
from shared.observability import configure_logging
from shared.registry import discover
from shared.settings import Settings


class Timed:
    """What a loader uses of a database, with the time from knowing where to begin to the end."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.backend = inner.backend
        self.reset()

    def reset(self) -> None:
        """Forget what was measured."""
        self.begun = self.ended = 0.0
        self.rows = self.batches = 0

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        positions = await self._inner.claim(reader, partitions)
        self.begun = self.begun or time.perf_counter()
        return positions

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        return await self._inner.positions(reader)

    async def write(self, batch: Batch) -> Written:
        written = await self._inner.write(batch)
        self.ended = time.perf_counter()
        self.rows += batch.table.num_rows + len(batch.rejected)
        self.batches += 1
        return written

    async def rehearse(self, batch: Batch) -> None:
        await self._inner.rehearse(batch)

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        return await self._inner.fetch(sql, parameters)


class Nothing:
    """A database that keeps only the offsets, in memory."""

    backend = "nothing"

    def __init__(self) -> None:
        self._stored: dict[tuple[str, int], Position] = {}

    async def claim(
        self, reader: Reader, partitions: Sequence[tuple[str, int, int]]
    ) -> list[Position]:
        for topic, partition, first in partitions:
            self._stored.setdefault((topic, partition), Position(topic, partition, 1, first))
        return [self._stored[topic, partition] for topic, partition, _ in partitions]

    async def positions(self, reader: Reader | None = None) -> list[Position]:
        return list(self._stored.values())

    async def write(self, batch: Batch) -> Written:
        for move in batch.moves:
            self._stored[move.end.topic, move.end.partition] = move.end
        return Written(unchanged=batch.table.num_rows)

    async def rehearse(self, batch: Batch) -> None:
        """Refuse nothing."""

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Find nothing."""
        return pa.table({})


async def _serve(stop: asyncio.Event) -> None:
    settings = Settings(_env_file=None, **json.loads(sys.stdin.readline()))
    configure_logging("WARNING", "console", "loader", settings.secrets)
    registry, cluster = discover(), await connect(settings)
    database = create_database(settings, application="benchmark")
    await database.open()
    await database.apply_schema(registry)
    stores = {"database": Timed(database), "nothing": Timed(cast("Database", Nothing()))}
    try:
        _answer({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            store = stores[line.strip()]
            store.reset()
            spent = time.process_time()
            own = settings.model_copy(update={"loader_group_id": f"benchmark-{line.strip()}"})
            loader = create_loader(
                own, registry, cluster, cast("Database", store), until_caught_up=True
            )
            await loader.run(stop)
            _answer(_measured(store) | {"cpu_seconds": time.process_time() - spent})
    finally:
        await database.close()


def _measured(store: Timed) -> dict[str, Any]:
    return {
        "rows": store.rows,
        "batches": store.batches,
        "seconds": store.ended - store.begun,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _answer(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(run(_serve))
