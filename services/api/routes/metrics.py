"""Prometheus' view of the process, on the API's own port."""

from fastapi import APIRouter, Depends, Response

from services.api.parameters import no_parameters
from services.api.problems import described
from shared.metrics import exposition


def metrics_routes() -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["health"], dependencies=[Depends(no_parameters)])

    @router.get(
        "/metrics",
        operation_id="getMetrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **described(422)},
    )
    async def metrics() -> Response:
        body, kind = exposition()
        return Response(body, media_type=kind)

    return router
