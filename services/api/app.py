"""Puts the API together from a database and a registry, and serves it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from services.api import errors
from services.api.access import Access
from services.api.auth import Guard
from services.api.catalogue import Catalogue
from services.api.ingest.broker import Broker
from services.api.ingest.stored import Stored
from services.api.keyring import KeyRing
from services.api.letters import DeadLetters
from services.api.limits import LimitHeaders
from services.api.live import Live
from services.api.live.records import Records
from services.api.openapi import complete
from services.api.problems import described
from services.api.routes.data import data_routes
from services.api.routes.datasets import dataset_routes
from services.api.routes.dead_letters import dead_letter_routes
from services.api.routes.health import Check, health_routes
from services.api.routes.ingest import ingest_routes
from services.api.routes.metrics import metrics_routes
from services.api.routes.refreshes import refresh_routes
from services.api.routes.status import status_routes
from services.api.routes.stream import stream_routes
from services.api.status import Status
from shared.database.base import Database
from shared.database.factory import create_database
from shared.keys import Scope
from shared.pepper import check_pepper, find_pepper
from shared.registry import Registry, discover
from shared.serving import listening
from shared.settings import Settings
from shared.tracing import tracing

VERSION = "1.0"


def create_app(
    database: Database,
    registry: Registry,
    settings: Settings,
    *,
    checks: Mapping[str, Check] | None = None,
) -> FastAPI:
    """Return the application. The database is opened and closed by the caller.

    `checks` are what readiness depends on besides the database.
    """
    timeout_ms = settings.api_statement_timeout_ms
    ring = KeyRing(database, partial(find_pepper, settings))
    broker = Broker(settings, registry)
    records = Records(broker.cluster)
    live = Live(database, records, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await records.close()
        await broker.close()
        await ring.close()

    app = FastAPIOffline(
        title="econstream",
        version=VERSION,
        description="Economic and market data, point in time.",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.add_middleware(LimitHeaders)
    app.add_middleware(Access)
    errors.install(app)
    guard = Guard(settings, registry, ring)
    reads = [guard.needs(Scope.READ)]
    app.include_router(health_routes({"database": database.ping, **(checks or {})}))
    app.include_router(metrics_routes())
    catalogue = Catalogue(database, timeout_ms)
    app.include_router(dataset_routes(registry, catalogue), dependencies=reads)
    stored = Stored(database, settings.loader_group_id)
    app.include_router(
        ingest_routes(registry, settings, broker, stored),
        dependencies=[guard.needs(Scope.INGEST)],
        responses=described(401, 403, 429),
    )
    app.include_router(data_routes(registry, database, timeout_ms), dependencies=reads)
    app.include_router(refresh_routes(database, timeout_ms), dependencies=reads)
    app.include_router(stream_routes(registry, live), dependencies=reads)
    app.state.live = live
    status = Status(database, records, catalogue, registry, settings)
    app.include_router(status_routes(status), dependencies=reads)
    letters = DeadLetters(database, broker, timeout_ms)
    app.include_router(
        dead_letter_routes(registry, letters), dependencies=[guard.needs(Scope.ADMIN)]
    )
    complete(app, registry)
    return app


async def serve(
    app: FastAPI,
    settings: Settings,
    stop: asyncio.Event,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the application until `stop` is set, then answer what has been asked, and return.

    `announce` is called once with the address when connections are accepted. Takes no
    signals. Cancelling drains too. Raises ConfigError where the port cannot be had, and Fatal
    where the server ends by itself.
    """
    async with listening(app, settings.api_host, settings.api_port) as server:
        if announce is not None:
            announce(server.address)
        try:
            await server.until(stop)
        finally:
            # A stream has no end that a drain could wait for.
            app.state.live.end()


async def run_api(
    settings: Settings,
    stop: asyncio.Event,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve as a process of its own until `stop` is set; see `serve`.

    A DuckDB file, which is then this process's alone, gets its tables where they are missing;
    PostgreSQL's are the loader's to make. Raises Transient where the database is away at the
    start: later it may go and come.
    """
    check_pepper(settings)
    registry = discover()
    database = create_database(settings, application="econstream-api")
    await database.open()
    try:
        if database.backend == "duckdb":
            await database.apply_schema(registry)
        app = create_app(database, registry, settings)
        with tracing(settings.otel_exporter_otlp_endpoint, "api"):
            await serve(app, settings, stop, announce=announce)
    finally:
        await database.close()
