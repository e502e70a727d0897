"""Closing a client of aiokafka drops no cancellation of whoever closes it."""

import asyncio
from contextlib import suppress

import pytest

from shared.kafka.cluster import close_whole


class Client:
    """Closes as aiokafka's client does: it suppresses the end of the task it cancels."""

    def __init__(self) -> None:
        self.sending = asyncio.Event()
        self.closed = False

    async def close(self) -> None:
        waiting = asyncio.create_task(self.sending.wait())
        with suppress(asyncio.CancelledError):
            await waiting
        self.closed = True


async def test_a_cancellation_while_closing_is_passed_on_when_all_is_closed() -> None:
    client = Client()
    closing = asyncio.create_task(close_whole(client))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.sleep(0)
    assert not closing.done()
    client.sending.set()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert client.closed


async def test_without_one_it_just_closes() -> None:
    client = Client()
    client.sending.set()
    await close_whole(client)
    assert client.closed
