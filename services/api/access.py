"""The edge of the API: a request's id, its line in the log, and no error that leaves unanswered."""

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.metrics import count_request
from services.api.problems import Problem
from shared.observability import get_logger
from shared.tracing import Span, span

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_PROBES = ("/health", "/metrics")
"""What is asked every few seconds by whoever watches over the process."""
_log = get_logger(__name__)


class Access:
    """Names each request, logs one line for it, and answers 500 where nobody else did.

    A request's own X-Request-Id is kept where it is plain, and the trace of its traceparent
    stands on each line. The query string is not logged, and the lines of probes are for
    debugging.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        exchange = _Exchange(given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex, send)
        names = {"request_id": exchange.request_id}
        if trace := _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
            names["trace_id"] = trace[1]
        traced = span(scope["method"], kind="server", parents=headers.getlist("traceparent"))
        with structlog.contextvars.bound_contextvars(**names), traced as request:
            try:
                await self._app(scope, receive, exchange.send)
            except Exception as exc:  # noqa: BLE001  # the edge: whatever it is gets a 500
                _log.error("request_failed", path=scope["path"], exc_info=exc)
                if not exchange.status:
                    await _answer_500(exchange.request_id)(scope, receive, exchange.send)
            finally:
                exchange.tell(scope, request)


class _Exchange:
    """What was sent in answer to one request."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status = 0
        self._send = send
        self._bytes = 0
        self._complete = False
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(raw=message["headers"])["X-Request-Id"] = self.request_id
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        await self._send(message)

    def tell(self, scope: Scope, request: Span) -> None:
        """Log the request and count it under its route, which has no one's keys in its name."""
        seconds = time.perf_counter() - self._began
        client = scope.get("client")
        count_request(scope, self.status, seconds)
        say = _log.debug if scope["path"].startswith(_PROBES) else _log.info
        say(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=self.status,
            bytes=self._bytes,
            complete=self._complete,
            duration_ms=round(seconds * 1000, 1),
            client=client[0] if client else None,
        )
        route = getattr(scope.get("route"), "path", "none")
        request.rename(f"{scope['method']} {route}")
        request.note(http__route=route, http__response__status_code=self.status)


def _answer_500(request_id: str) -> ASGIApp:
    detail = f"an error of ours; the log tells of it under request {request_id}"
    return Problem(500, "internal-error", detail).response("about:blank")
