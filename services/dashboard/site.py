"""Streamlit's server as this dashboard's: its first page has an address, files come from memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.starlette import App

from services.dashboard.frontend import Kept, read_frontend

_FOR_EVER = "public, immutable, max-age=31536000"


def site(script: Path, pages: Sequence[str]) -> App:
    """Return the server of a script and its pages, the first of which the bare address opens."""
    frontend = read_frontend()

    async def page(_request: Request) -> Response:
        return HTMLResponse(frontend.page, headers={"Cache-Control": "no-cache"})

    first, *others = pages
    return App(
        script,
        routes=[
            Route(f"/{first}", _to_the_bare_address),
            *(Route(f"/{name}", page) for name in ("", *others)),
        ],
        middleware=[Middleware(_FromMemory, kept=frontend.kept)],
    )


async def _to_the_bare_address(request: Request) -> RedirectResponse:
    """Streamlit knows its first page by no other address; the query goes along."""
    query = request.url.query
    return RedirectResponse(f"./?{query}" if query else "./")


class _FromMemory:
    """Answers for the files that are kept; a browser asks for a hundred to draw its first page."""

    def __init__(self, app: ASGIApp, kept: Mapping[str, Kept]) -> None:
        self._app = app
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = self._kept.get(scope["path"]) if scope["type"] == "http" else None
        if kept is None or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        body = kept.plain
        if kept.packed is not None and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            headers["Content-Encoding"], body = "gzip", kept.packed
        await Response(body, headers=headers, media_type=kept.media_type)(scope, receive, send)
