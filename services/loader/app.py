"""Builds the loader from the settings."""

import asyncio
from collections.abc import Callable
from functools import partial

from services.loader.progress import Progress
from services.loader.readiness import Readiness
from services.loader.run import Loader, LoaderOptions
from shared.database.base import Database
from shared.database.factory import create_database
from shared.kafka import Cluster, connect, declared_topics, ensure_topics, ping
from shared.memory import return_memory
from shared.metrics import watch_disk
from shared.monitoring import Check, monitoring
from shared.registry import Registry, discover
from shared.settings import Settings
from shared.tracing import tracing


def create_loader(
    settings: Settings,
    registry: Registry,
    cluster: Cluster,
    database: Database,
    *,
    until_caught_up: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Loader:
    """Return a loader of every dataset; cluster and database stay the caller's."""
    return_memory()
    options = LoaderOptions(
        group_id=settings.loader_group_id,
        batch_rows=transaction_rows(settings),
        batch_seconds=settings.loader_batch_ms / 1000,
        lanes=_lanes(settings),
        dead_letter_limit=settings.loader_dead_letter_limit,
        until_caught_up=until_caught_up,
    )
    topics = {dataset.topic(settings.kafka_topic_prefix): dataset for dataset in registry}
    return Loader(cluster, database, topics, options, on_progress)


async def run_loader(
    settings: Settings,
    registry: Registry,
    cluster: Cluster,
    database: Database,
    stop: asyncio.Event,
    *,
    until_caught_up: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Build a loader and run it beside its door for monitoring; see `Loader.run`.

    It is ready while database and broker answer and what waits is being stored.
    """
    loader = create_loader(
        settings, registry, cluster, database,
        until_caught_up=until_caught_up, on_progress=on_progress,
    )  # fmt: skip
    checks: dict[str, Check] = {
        "loader": Readiness(loader.progress).check,
        "database": database.ping,
        "broker": partial(ping, cluster),
    }
    watch_disk("loader", settings.data_dir)
    async with monitoring(settings.metrics_port, checks):
        return await loader.run(stop)


def transaction_rows(settings: Settings) -> int:
    """Return how many rows a transaction takes at most; in DuckDB each statement costs more."""
    as_it_is = settings.database_backend == "postgresql" or (
        "loader_batch_rows" in settings.model_fields_set
    )
    return settings.loader_batch_rows if as_it_is else 4 * settings.loader_batch_rows


async def load_topics(
    settings: Settings,
    stop: asyncio.Event,
    *,
    until_caught_up: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Load as a process of its own: connect, make what is missing, and run.

    Waits at the start for neither: raises Transient where broker or database are away, so
    that whoever started it sees why. Raises ConfigError where a setting is wrong.
    """
    registry = discover()
    cluster = await connect(settings)
    database = create_database(settings, application=settings.loader_group_id)
    await database.open()
    try:
        await database.apply_schema(registry)
        await ensure_topics(cluster, declared_topics(settings, registry))
        with tracing(settings.otel_exporter_otlp_endpoint, "loader"):
            return await run_loader(
                settings, registry, cluster, database, stop,
                until_caught_up=until_caught_up, on_progress=on_progress,
            )  # fmt: skip
    finally:
        await database.close()


def _lanes(settings: Settings) -> int:
    """Return how many batches to write at once: half the connections, and DuckDB has one writer."""
    return (
        max(1, settings.database_pool_size // 2) if settings.database_backend == "postgresql" else 1
    )
