"""The door for monitoring that every service without a port of its own has: /metrics, /health."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.errors import EconstreamError
from shared.metrics import exposition
from shared.serving import listening

CHECK_SECONDS = 2.0
"""How long a check may take before its subject counts as not ready."""

Check = Callable[[], Awaitable[None]]
"""Returns where its subject is ready; raises an EconstreamError that says why it is not."""


@asynccontextmanager
async def monitoring(port: int, checks: Mapping[str, Check]) -> AsyncIterator[None]:
    """Serve /metrics, /health/live and /health/ready while the block runs; port 0: nothing.

    Listens on every address, so that a scraper reaches it; nothing secret is told. Raises
    ConfigError where the port cannot be had.
    """
    if not port:
        yield
        return
    async with listening(create_monitor(checks), "0.0.0.0", port, setting="METRICS_PORT"):  # noqa: S104
        yield


def create_monitor(checks: Mapping[str, Check]) -> Starlette:
    """Return the application; readiness answers 503 while any check fails, and names it."""

    async def metrics(_: Request) -> Response:
        body, kind = exposition()
        return Response(body, media_type=kind)

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        faults = await _faults(checks)
        status = "not ready" if faults else "ready"
        return JSONResponse({"status": status, "faults": faults}, 503 if faults else 200)

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/health/live", live),
            Route("/health/ready", ready),
        ]
    )


async def _faults(checks: Mapping[str, Check]) -> dict[str, str]:
    found = await asyncio.gather(*(_fault(check) for check in checks.values()))
    return {name: fault for name, fault in zip(checks, found, strict=True) if fault}


async def _fault(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except EconstreamError as exc:
        return str(exc)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    return None
