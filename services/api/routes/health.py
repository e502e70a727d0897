"""Whether the API lives, and whether what it depends on is there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Depends

from services.api.parameters import no_parameters
from services.api.problems import described, unavailable
from shared.errors import EconstreamError
from shared.observability import get_logger

CHECK_SECONDS = 2.0
"""How long a dependency may take to answer before it counts as away."""

Check = Callable[[], Awaitable[None]]
_log = get_logger(__name__)


def health_routes(checks: Mapping[str, Check]) -> APIRouter:
    """Return the routes; `checks` raise where the dependency they are named after is away."""
    router = APIRouter(prefix="/health", tags=["health"], dependencies=[Depends(no_parameters)])

    @router.get(
        "", operation_id="getHealth", summary="The process answers", responses=described(422)
    )
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/ready",
        operation_id="getReadiness",
        summary="The process and all it depends on answer",
        responses=described(422, 503),
    )
    async def ready() -> dict[str, Any]:
        found = await asyncio.gather(*(_state(name, check) for name, check in checks.items()))
        dependencies = dict(zip(checks, found, strict=True))
        away = [name for name, state in dependencies.items() if state != "ok"]
        if away:
            raise unavailable(f"away: {', '.join(away)}", dependencies=dependencies)
        return {"status": "ready", "dependencies": dependencies}

    return router


async def _state(name: str, check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (EconstreamError, TimeoutError) as exc:
        _log.warning("dependency_away", dependency=name, reason=str(exc) or "no answer in time")
        return "away"
    return "ok"
