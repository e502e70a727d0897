"""Builds the loader from the settings."""

import asyncio
from collections.abc import Callable

from services.loader.progress import Progress
from services.loader.run import Loader, LoaderOptions
from shared.database.base import Database
from shared.kafka import Cluster
from shared.registry import Registry
from shared.settings import Settings


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
    options = LoaderOptions(
        group_id=settings.loader_group_id,
        batch_rows=settings.loader_batch_rows,
        batch_seconds=settings.loader_batch_ms / 1000,
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
    """Build a loader and run it; see `Loader.run`."""
    loader = create_loader(
        settings, registry, cluster, database,
        until_caught_up=until_caught_up, on_progress=on_progress,
    )  # fmt: skip
    return await loader.run(stop)
