"""Puts the fetcher together: connects to Kafka, makes the topics, and does what is ordered."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.fetcher.archive.folder import INDEX, Archive
from services.fetcher.fetcher import Fetcher
from services.fetcher.runs.report import FetchReport
from services.fetcher.runs.run import Progress
from services.fetcher.schedule.keep_fresh import unless_stopped
from services.fetcher.state.topic import TopicStates, state_topic
from shared.errors import Transient
from shared.kafka import Producer, connect, declared_topics, ensure_topics, ping
from shared.metrics import watch_disk
from shared.monitoring import monitoring
from shared.observability import get_logger
from shared.registry import discover as discover_datasets
from shared.settings import Settings
from shared.tracing import tracing

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FetchOrder:
    """What the fetcher is to do.

    names       sources, whatever their case; none: FETCH_SOURCES, else all
    once        fetch once and end, instead of keeping fresh
    since       ask for data from this day on, whatever was had before; a service does so first
    replay_dir  play this archive back and end, instead of asking upstreams
    dry_run     publish nothing, and so need no broker; together with `once` or `replay_dir`
    """

    names: tuple[str, ...] = ()
    once: bool = False
    since: dt.date | None = None
    replay_dir: Path | None = None
    dry_run: bool = False


async def run_fetcher(
    settings: Settings, order: FetchOrder, stop: asyncio.Event, progress: Progress | None = None
) -> FetchReport | None:
    """Do what is ordered; the report, or None where the fetcher ran as a service until `stop`.

    As a service it first plays FETCH_REPLAY_DIR back, once for each content of that archive,
    and is monitored on METRICS_PORT: ready while the broker answers. An upstream that is away
    does not make it unready; its refreshes say so.
    Raises ConfigError before any I/O where a setting is wrong, Transient where the broker is
    away. Cancelling leaves what is published published.
    """
    planned = Fetcher(settings, None)
    planned.check(order.names, replays=order.replay_dir is not None, once=order.once)
    if order.replay_dir:
        await asyncio.to_thread(Archive(order.replay_dir).entries)
    if order.dry_run:
        return await _end(planned, order, stop, progress)
    cluster = await connect(settings)
    remembered = state_topic(settings)
    await ensure_topics(cluster, [*declared_topics(settings, discover_datasets()), remembered])
    async with _traced(settings), Producer(cluster) as producer:
        states = TopicStates(cluster, producer, remembered.name)
        fetcher = Fetcher(settings, producer, states=states)
        if order.replay_dir or order.once:
            return await _end(fetcher, order, stop, progress)
        watch_disk("fetcher", settings.data_dir)
        async with monitoring(settings.metrics_port, {"broker": partial(ping, cluster)}):
            if settings.fetch_replay_dir:
                replaying = _replay_first(fetcher, settings, settings.fetch_replay_dir, order.names)
                await unless_stopped(stop, replaying)
            if order.since:
                await unless_stopped(stop, fetcher.fetch_once(order.names, order.since, progress))
            await fetcher.serve(stop, order.names)
        return None


@asynccontextmanager
async def _traced(settings: Settings) -> AsyncIterator[None]:
    with tracing(settings.otel_exporter_otlp_endpoint, "fetcher"):
        yield


async def _end(
    fetcher: Fetcher, order: FetchOrder, stop: asyncio.Event, progress: Progress | None
) -> FetchReport:
    """Replay or fetch once; raises Transient where `stop` is set before the end."""
    if order.replay_dir:
        work = fetcher.replay(order.replay_dir, order.names, progress)
    else:
        work = fetcher.fetch_once(order.names, order.since, progress)
    report = await unless_stopped(stop, work)
    if report is None:
        raise Transient("stopped before the end: what is published stays; run it again")
    return report


async def _replay_first(
    fetcher: Fetcher, settings: Settings, folder: Path, names: tuple[str, ...]
) -> None:
    mark = settings.data_dir / f"replayed-{await asyncio.to_thread(_content, folder)}"
    if await asyncio.to_thread(mark.exists):
        return
    report = await fetcher.replay(folder, names)
    _log.info("archive_replayed", folder=str(folder), records=report.records)
    try:
        await asyncio.to_thread(_touch, mark)
    except OSError as exc:
        _log.warning("replay_not_marked", path=str(mark), reason=exc.strerror)


def _content(folder: Path) -> str:
    index = folder / INDEX
    return hashlib.sha256(index.read_bytes() if index.exists() else b"").hexdigest()[:16]


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
