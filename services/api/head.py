"""HEAD, wherever there is GET: what tools ask before they read, and what `curl -I` does."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Answers HEAD as GET is answered, without the body; `head` in the scope tells of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered, asked = asyncio.Event(), False

        async def heard() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return await receive()
            # Who has the headers is gone: nothing more is read for the body.
            await answered.wait()
            return {"type": "http.disconnect"}

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                answered.set()

        as_get = {**scope, "method": "GET", "head": True}
        try:
            await self._app(as_get, heard, said)
        finally:
            scope["route"] = as_get.get("route")
