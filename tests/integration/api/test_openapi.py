"""The OpenAPI document, held against the API over real Kafka and a real PostgreSQL."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.api.app import create_app
from shared.database.factory import create_database
from shared.datasets.fred_data import DATASET as FRED
from shared.keys import Scope
from shared.registry import discover
from shared.serving import listening
from shared.settings import Settings
from tests.api import PEPPER, bearer, give_key, observations, store

EXAMPLES = {"getRows": 30}
FEWER = 8
"""Requests for each operation: what breaks, breaks by the kind of value, not by the thousandth."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDLESS = "/v1/data/{dataset}/stream"
Served = tuple[str, dict[str, str]]
Check = Callable[[Any], None]


async def serve(settings: Settings, served: Future[Served], stop: asyncio.Event) -> None:
    database = create_database(settings, application="test")
    await database.open()
    try:
        await database.apply_schema(discover())
        await store(database, FRED, observations("GDP", [1.5, None, 2.5]))
        key = await give_key(database, *Scope)
        app = create_app(database, discover(), settings)
        async with listening(app, "127.0.0.1", 0) as server:
            served.set_result((server.address, bearer(key)))
            await stop.wait()
    except BaseException as exc:
        if not served.done():
            served.set_exception(exc)
        raise
    finally:
        await database.close()


@pytest.fixture
def api(kafka_settings: Settings, postgres_url: str) -> Iterator[Served]:
    """An API in a loop of its own, with rows to answer with, and a key that may do all."""
    chosen = {"database_backend": "postgresql", "database_url": postgres_url,
              "api_key_pepper": PEPPER, "api_requests_per_minute": 1_000_000,
              "kafka_topic_partitions": 1}  # fmt: skip
    settings = Settings(**kafka_settings.model_dump(exclude_unset=True) | chosen)
    loop, stop, served = asyncio.new_event_loop(), asyncio.Event(), Future[Served]()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(settings, served, stop),))
    thread.start()
    try:
        yield served.result(60)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def test_every_operation_answers_as_documented(api: Served) -> None:
    address, key = api
    document = schemathesis.openapi.from_url(f"{address}/openapi.json")
    tried = []
    found: Any
    for found in document.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            hold(operation, key)
            tried.append(f"{operation.method.upper()} {operation.path}")
    assert len(tried) > 10, tried
    asked = httpx.get(f"{address}/metrics").text
    for route in ("/v1/data/{dataset}", "/v1/data/{dataset}/latest", "/v1/refreshes"):
        counted = f'econstream_api_requests_total{{method="GET",route="{route}",status="200"}}'
        assert counted in asked, "no request was one that can be answered"


def hold(operation: Any, key: dict[str, str]) -> None:
    """Call an operation with values that its document allows and others, and judge the answers."""

    @hypothesis_settings(
        max_examples=EXAMPLES.get(operation.definition.raw["operationId"], FEWER),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @schemathesis_cases(operation)
    def check(case: Any) -> None:
        case.call_and_validate(headers=key, checks=CHECKS, timeout=30)

    check()


def schemathesis_cases(operation: Any) -> Callable[[Check], Callable[[], None]]:
    """Return the decorator that hands cases of an operation to a test."""
    modes = schemathesis.GenerationMode
    cases = [operation.as_strategy(generation_mode=mode) for mode in modes]
    return given(case=strategies.one_of(*cases))
