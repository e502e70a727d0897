"""Builds the processor from the settings."""

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from services.processor.bar_agent import BarAgent, BarSource
from services.processor.derive import derivation
from services.processor.history import StoredHistory
from services.processor.models import find_models
from services.processor.news_agent import NewsAgent
from services.processor.progress import Handled
from services.processor.publish import Outlet
from services.processor.quarantine import Quarantine, sparing
from services.processor.readiness import Readiness
from services.processor.rekey import Intake
from services.processor.sentiment import find_scorer
from services.processor.stream import CHANGELOG_SETTINGS, Stream, changelog
from shared.database.base import Database, Reader
from shared.database.factory import create_database
from shared.datasets.cboe_vix_history import DATASET as CBOE
from shared.datasets.ml_predictions import DATASET as ML_PREDICTIONS
from shared.datasets.model_performance import DATASET as MODEL_PERFORMANCE
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.datasets.news_sentiment import DATASET as NEWS_SENTIMENT
from shared.datasets.technical_features import DATASET as TECHNICAL_FEATURES
from shared.datasets.yfinance_ohlcv import DATASET as YFINANCE
from shared.errors import ConfigError, Fatal
from shared.kafka import (
    Cluster,
    Producer,
    TopicSpec,
    Watermarks,
    connect,
    declared_topics,
    ensure_topics,
    ping,
)
from shared.metrics import watch_disk
from shared.monitoring import Check, monitoring
from shared.registry import discover
from shared.settings import Settings

OUTPUTS = tuple(
    dataset.name
    for dataset in (TECHNICAL_FEATURES, NEWS_SENTIMENT, ML_PREDICTIONS, MODEL_PERFORMANCE)
)
INPUTS = (YFINANCE, CBOE)
"""Datasets of bars."""

READ = (*INPUTS, NEWS_ARTICLES)
"""All datasets that are read."""

CBOE_PREFIX = "CBOE:"
"""Tells CBOE's index VIX from a share of that symbol."""

_VERSION = 1
"""Rises when state of older processors means something else: topics are then read anew."""


async def process_topics(settings: Settings, stop: asyncio.Event) -> None:
    """Process as a process of its own: connect, make what is missing, and run until `stop`.

    Raises Transient where broker or database are away at the start, ConfigError where a setting
    is wrong. With DuckDB, which belongs to the process that loads, old corrections wait.
    """
    cluster = await connect(settings)
    await ensure_topics(cluster, declared_topics(settings, discover()))
    if settings.database_backend == "duckdb":
        await run_processor(settings, cluster, None, stop)
        return
    database = create_database(settings, application=settings.processor_group_id)
    await database.open()
    try:
        await run_processor(settings, cluster, database, stop)
    finally:
        await database.close()


async def run_processor(
    settings: Settings,
    cluster: Cluster,
    database: Database | None,
    stop: asyncio.Event,
    handled: Handled | None = None,
) -> None:
    """Run one worker until `stop`, beside its door for monitoring; what is given stays open.

    `handled` is told how far it is.
    """
    sources = [Intake(dataset, settings.kafka_topic_prefix) for dataset in INPUTS]
    partitions = await _ensure_inputs(settings, cluster)
    group_id = group_of(settings, partitions)
    await _ensure_between(settings, cluster, partitions, group_id, sources)
    outputs = _outputs(settings)
    stream = Stream(
        cluster,
        group_id,
        partitions,
        store=settings.processor_store,
        folder=_folder(settings, cluster),
        handled=handled or Handled(),
    )
    async with (
        Producer(cluster) as producer,
        Watermarks(cluster) as watermarks,
        asyncio.TaskGroup() as group,
    ):
        outlet = Outlet(producer, settings.kafka_topic_prefix, outputs)
        reader = Reader(cluster.cluster_id, settings.loader_group_id)
        agents = _agents(cluster, database, reader, stream, outlet, sources)
        if NEWS_SENTIMENT.name in outputs:
            news = Intake(NEWS_ARTICLES, settings.kafka_topic_prefix)
            judge = NewsAgent(news, outlet, find_scorer()).handle
            stream.consume([news.topic], sparing(judge, Quarantine(news, database, reader)))
        readiness = Readiness(stream, agents, watermarks.end_offsets)
        checks: dict[str, Check] = {
            "processor": readiness.check,
            "broker": partial(ping, cluster),
        }
        watch_disk("processor", settings.data_dir)
        async with monitoring(settings.metrics_port, checks):
            tasks = [group.create_task(agent.recompute(stop)) for agent in agents]
            tasks.append(group.create_task(readiness.watch(stop)))
            try:
                await stream.run(stop)
            finally:
                for task in tasks:
                    task.cancel()


def group_of(settings: Settings, partitions: int) -> str:
    """Return the group of the workers: other state, or other partitions, is another group."""
    return f"{settings.processor_group_id}-{settings.kafka_topic_prefix}v{_VERSION}-{partitions}"


def _agents(
    cluster: Cluster,
    database: Database | None,
    reader: Reader,
    stream: Stream,
    outlet: Outlet,
    intakes: Iterable[Intake],
) -> list[BarAgent]:
    # The embedded broker's topics are as young as its process: what was before is stored.
    seed_before = dt.datetime.now(dt.UTC) if cluster.embedded else None
    models = find_models()
    agents = []
    for intake in intakes:
        dataset = intake.dataset
        plain = dataset is YFINANCE
        source = BarSource(
            dataset.name,
            intake,
            derivation(outlet.outputs, models, has_volume=plain),
            "" if plain else CBOE_PREFIX,
        )
        history = StoredHistory(database, dataset, reader) if database is not None else None
        agent = BarAgent(source, stream, outlet, history, seed_before=seed_before)
        handle = sparing(agent.handle, Quarantine(intake, database, reader))
        stream.consume([intake.topic, intake.rekeyed], handle)
        agents.append(agent)
    return agents


async def _ensure_inputs(settings: Settings, cluster: Cluster) -> int:
    """Make the topics that are read; return how many partitions each of bars has."""
    counts = await ensure_topics(cluster, declared_topics(settings, INPUTS))
    await ensure_topics(cluster, declared_topics(settings, [NEWS_ARTICLES]))
    partitions = set(counts.values())
    if len(partitions) > 1:
        told = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        raise ConfigError(
            f"the processor's topics must have equally many partitions ({told}): raise the others "
            "to the most of these, as docs/OPERATIONS.md does"
        )
    return partitions.pop()


async def _ensure_between(
    settings: Settings, cluster: Cluster, count: int, group_id: str, intakes: Sequence[Intake]
) -> None:
    """Make the topics between the workers, and those of their state, partitioned like the inputs.

    Before Faust does: a worker that meets a changelog that was made a moment ago ends over it.
    """
    week, replicas = 7 * 24 * 3_600 * 1_000, settings.kafka_replication_factor
    rekeyed = [TopicSpec(intake.rekeyed, count, replicas, week) for intake in intakes]
    names = [changelog(group_id, intake.dataset.name) for intake in intakes]
    kept = [
        TopicSpec(name, count, replicas, compacted=True, config=CHANGELOG_SETTINGS)
        for name in names
    ]
    between = await ensure_topics(cluster, [*rekeyed, *kept])
    if set(between.values()) != {count}:
        raise Fatal(
            f"the topics {', '.join(between)} have other partitions than those that they come "
            "from: stop the processors and delete them"
        )


def _folder(settings: Settings, cluster: Cluster) -> Path:
    """Return where Faust may write: state on disk belongs to one cluster."""
    folder = settings.data_dir / "processor"
    return folder / cluster.cluster_id if settings.processor_store == "rocksdb" else folder


def _outputs(settings: Settings) -> frozenset[str]:
    wanted = frozenset(settings.processor_outputs or OUTPUTS)
    if unknown := wanted - frozenset(OUTPUTS):
        raise ConfigError(
            f"PROCESSOR_OUTPUTS names {', '.join(sorted(unknown))}: the processor makes "
            f"{', '.join(OUTPUTS)}"
        )
    return wanted
