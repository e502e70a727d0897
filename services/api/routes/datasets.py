"""The catalogue: which datasets there are, what their fields mean, how much is stored."""

from typing import Any

from fastapi import APIRouter, Depends

from services.api.catalogue import Catalogue
from services.api.parameters import no_parameters
from services.api.problems import described, unknown_dataset
from shared.registry import Registry


def dataset_routes(registry: Registry, catalogue: Catalogue) -> APIRouter:
    """Return the routes of the catalogue."""
    router = APIRouter(
        prefix="/v1/datasets", tags=["datasets"], dependencies=[Depends(no_parameters)]
    )

    @router.get(
        "",
        operation_id="listDatasets",
        summary="All datasets",
        responses=described(401, 422, 503),
    )
    async def datasets() -> dict[str, list[dict[str, Any]]]:
        return {"data": [await catalogue.entry(dataset) for dataset in registry]}

    @router.get(
        "/{dataset}",
        operation_id="getDataset",
        summary="One dataset: fields, units, key, documentation, rows, span, newest as_of",
        responses=described(401, 404, 422, 503),
    )
    async def dataset(dataset: str) -> dict[str, Any]:
        if dataset not in registry:
            raise unknown_dataset(dataset, registry.names())
        return await catalogue.entry(registry[dataset])

    return router
