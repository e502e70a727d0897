"""Puts the API together from a database and a registry, and serves it."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from services.api import errors
from services.api.access import Access
from services.api.auth import Guard
from services.api.catalogue import Catalogue
from services.api.cors import allow_origins
from services.api.head import Head
from services.api.ingest.broker import Broker
from services.api.ingest.stored import Stored
from services.api.keyring import KeyRing
from services.api.letters import DeadLetters
from services.api.limits import LimitHeaders
from services.api.live import Live
from services.api.live.records import Records
from services.api.openapi import complete
from services.api.ranges import Ranges
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
from shared.memory import return_memory
from shared.pepper import check_pepper, find_pepper
from shared.registry import Registry, discover
from shared.serving import listening
from shared.settings import Settings
from shared.tracing import tracing

VERSION = "1.0"
SWITCH_SECONDS = 0.001
"""How long one thread may keep another from running Python."""


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What the routes stand on; all of it connects when it is first needed."""

    database: Database
    registry: Registry
    settings: Settings
    ring: KeyRing
    broker: Broker
    records: Records

    async def close(self) -> None:
        await self.records.close()
        await self.broker.close()
        await self.ring.close()


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
    ring = KeyRing(database, partial(find_pepper, settings))
    broker = Broker(settings, registry)
    base = _Foundation(database, registry, settings, ring, broker, Records(broker.cluster))
    app = _bare(base)
    app.include_router(health_routes({"database": database.ping, **(checks or {})}))
    app.include_router(metrics_routes())
    guard = Guard(settings, registry, ring)
    app.state.ranges = Ranges()
    app.state.live = Live(database, base.records, settings)
    for scope, router in _guarded(base, app.state.live):
        app.include_router(router, dependencies=[guard.needs(scope)])
    complete(app, registry)
    return app


def _bare(base: _Foundation) -> FastAPI:
    """Return an application without routes: its edge, its errors and its end."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await base.close()

    app = FastAPIOffline(
        title="econstream",
        version=VERSION,
        description="Economic and market data, point in time.",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    # Each stands around those before it.
    app.add_middleware(LimitHeaders)
    app.add_middleware(Head)
    if base.settings.api_cors_origins:
        allow_origins(app, base.settings.api_cors_origins)
    app.add_middleware(Access)
    errors.install(app)
    return app


def _guarded(base: _Foundation, live: Live) -> Iterator[tuple[Scope, APIRouter]]:
    """Yield the routes that need a scope, with the scope."""
    database, registry, settings = base.database, base.registry, base.settings
    timeout_ms = settings.api_statement_timeout_ms
    catalogue = Catalogue(database, timeout_ms)
    yield Scope.READ, dataset_routes(registry, catalogue)
    stored = Stored(database, settings.loader_group_id)
    yield Scope.INGEST, ingest_routes(registry, settings, base.broker, stored)
    yield Scope.READ, data_routes(registry, database, timeout_ms)
    yield Scope.READ, refresh_routes(database, timeout_ms)
    yield Scope.READ, stream_routes(registry, live)
    yield Scope.READ, status_routes(Status(database, base.records, catalogue, registry, settings))
    letters = DeadLetters(database, base.broker, timeout_ms)
    yield Scope.ADMIN, dead_letter_routes(registry, letters)


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
    with _undisturbed():
        async with listening(app, settings.api_host, settings.api_port) as server:
            if announce is not None:
                announce(server.address)
            try:
                await server.until(stop)
            finally:
                # A stream has no end that a drain could wait for.
                app.state.live.end()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let threads that judge rows, and the collection of garbage, hold requests up less.

    What stands by now will not become garbage, and looking through it takes 70 ms each time.
    """
    gc.collect()
    gc.freeze()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


async def run_api(
    settings: Settings,
    stop: asyncio.Event,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve as a process of its own until `stop` is set; see `serve`.

    Tables that are missing are made where this user may. Raises ConfigError where they are older
    than this econstream and it may not, Transient where the database is away at the start: later
    it may go and come.
    """
    check_pepper(settings)
    return_memory()
    registry = discover()
    database = create_database(settings, application="econstream-api")
    await database.open()
    try:
        await database.apply_schema(registry)
        app = create_app(database, registry, settings)
        with tracing(settings.otel_exporter_otlp_endpoint, "api"):
            await serve(app, settings, stop, announce=announce)
    finally:
        await database.close()
