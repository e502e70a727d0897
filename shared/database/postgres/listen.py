"""Hears of commits as they happen, on a connection that does nothing else."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg

from shared.database.base import Heard
from shared.database.postgres.faults import DRIVER_ERRORS, translated
from shared.database.postgres.session import CHANNEL
from shared.errors import Transient

_CHECK_SECONDS = 30.0
_ANSWER_SECONDS = 5.0


async def listen(connection: asyncpg.Connection, heard: Heard) -> None:
    """Call `heard` with each topic announced; closes the connection when it ends.

    Raises Transient where the connection is lost, which is looked at every half a minute, as
    a server that is cut off says nothing.
    """
    lost = asyncio.Event()

    def told(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        heard(str(payload))

    try:
        with translated():
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, told)
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_SECONDS):
                    await lost.wait()
            if not lost.is_set():
                with translated():
                    await connection.execute("SELECT 1", timeout=_ANSWER_SECONDS)
        raise Transient("the connection that hears of commits is lost")
    finally:
        with suppress(*DRIVER_ERRORS):
            connection.terminate()
