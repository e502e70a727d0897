"""Sends events until the reader leaves, stalls, or is let go."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.api.answer import left, send_part

MEDIA_TYPE = "text/event-stream"
# No proxy may keep an event back or keep it at all.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(StreamingResponse):
    """Endless; closes what it reads from however it ends."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        super().__init__(iter(()), headers=_HEADERS, media_type=MEDIA_TYPE)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(left(receive))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.wait([sending, leaving])
        if not sending.cancelled() and not isinstance(sending.exception(), TimeoutError):
            sending.result()

    async def _send(self, send: Send) -> None:
        status, headers = self.status_code, self.raw_headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async for events in self._events:
            await send_part(send, events)
        await send_part(send, b"", more=False)
