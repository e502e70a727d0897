"""Ends the connection of a loader that was stopped while it held offsets its successor needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from shared.database.postgres.faults import DRIVER_ERRORS
from shared.observability import get_logger

LOOK_SECONDS = 1.0
_log = get_logger(__name__)

_END = """SELECT other.pid, extract(epoch FROM now() - other.xact_start)::float8 AS seconds,
pg_terminate_backend(other.pid) AS ended
FROM pg_stat_activity AS own CROSS JOIN unnest(pg_blocking_pids(own.pid)) AS blocker (pid)
JOIN pg_stat_activity AS other ON other.pid = blocker.pid
WHERE own.pid = $1 AND own.wait_event_type = 'Lock'
AND own.query ~ '^(UPDATE|INSERT INTO) consumer_offsets'
AND other.application_name = own.application_name AND other.usename = own.usename"""
"""Whoever holds a partition's offsets for so long has lost it: the group gave it to us. Ending a
connection of one's own role takes no special right."""


@asynccontextmanager
async def ending_zombies(
    pid: int, connect: Callable[[], Awaitable[asyncpg.Connection]]
) -> AsyncIterator[None]:
    """End whoever of our own application keeps the block waiting for offsets, and log it.

    A process that is stopped in the middle of a COPY holds its locks, and no timeout of the
    server's counts while it waits for its client. `pid` is the connection that the block uses;
    `connect` makes the second one, which is asked only when the block takes long.
    """
    watching = asyncio.create_task(_watch(pid, connect))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(pid: int, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await _end_blockers(pid, connect)
        except DRIVER_ERRORS as exc:
            _log.debug("who holds the offsets could not be looked up", reason=str(exc))


async def _end_blockers(pid: int, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
    connection = await connect()
    try:
        for row in await connection.fetch(_END, pid):
            _log.warning(
                "ended the connection of a loader that stands still and holds offsets of ours",
                pid=row["pid"], held_for=round(row["seconds"] or 0, 1), ended=row["ended"],
            )  # fmt: skip
    finally:
        connection.terminate()
