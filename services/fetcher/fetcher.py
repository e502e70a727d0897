"""The fetcher: replays an archive, fetches once, or keeps its sources fresh."""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from services.fetcher.answer import Request
from services.fetcher.archive.folder import ArchiveWriter
from services.fetcher.archive.replay import replay
from services.fetcher.http.client import HttpClient
from services.fetcher.publish import DryRun, Publisher
from services.fetcher.registry import SourceRegistry, discover
from services.fetcher.runs.ledger import open_ledger
from services.fetcher.runs.live import GIVE_UP_AFTER, Conversation, fetch
from services.fetcher.runs.report import FetchReport
from services.fetcher.runs.run import Progress, Run, RunSummary
from services.fetcher.schedule.keep_fresh import Refresh, keep_fresh
from services.fetcher.search import Found
from services.fetcher.source import Source, SourceFaultError
from services.fetcher.state.memory import Had, Memory, Oblivion, States
from services.fetcher.upstreams.news.known_articles import KnownArticles
from services.fetcher.watchlist.file import Watchlist, read_watchlist
from services.fetcher.watchlist.follow import WatchedFile
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.errors import ConfigError, EconstreamError, Transient
from shared.observability import get_logger
from shared.settings import Settings

ClientFactory = Callable[[Sequence[Source]], HttpClient]
_log = get_logger(__name__)


class Fetcher:
    """What is done with sources: replay their answers, fetch them once, or keep them fresh.

    publisher  where records go; none: a dry run, which parses and publishes nothing
    states     what was had in earlier runs; none: everything is always asked
    registry   the sources there are; by default those built in and plugged in
    client     makes the HTTP client for some sources; only tests give another
    """

    def __init__(
        self,
        settings: Settings,
        publisher: Publisher | None,
        *,
        states: States | None = None,
        registry: SourceRegistry | None = None,
        client: ClientFactory | None = None,
    ) -> None:
        self._settings = settings
        self._publisher = publisher or DryRun()
        self._states = states or Oblivion()
        self._registry = registry or discover()
        self._client = client or partial(client_for, local=settings.fetch_local_hosts or ())
        self._articles: dict[str, Had] = {}

    @property
    def sources(self) -> SourceRegistry:
        """The sources there are."""
        return self._registry

    async def replay(
        self, folder: Path, names: Iterable[str] | None = None, progress: Progress | None = None
    ) -> FetchReport:
        """Play an archive of answers back through the named sources, or all.

        Reads neither the network nor the watchlist's names. Raises ConfigError for an unknown
        source and a folder that is no archive, Transient where the broker is away.
        """
        selected = self._selected(names, read_watchlist(self._settings.watchlist))
        prefix = self._settings.kafka_topic_prefix
        return await replay(folder, self._registry, selected, self._publisher, prefix, progress)

    async def fetch_once(
        self,
        names: Iterable[str] | None = None,
        since: dt.date | None = None,
        progress: Progress | None = None,
    ) -> FetchReport:
        """Fetch the named sources, or all that are needed, once and side by side.

        A source that lacks a setting is left out, and the report says so, unless it was named or
        no other is left. Raises ConfigError before any I/O to a network for an unknown source, a
        missing setting or a wrong watchlist; Transient, in an ExceptionGroup, where the broker
        is away.
        """
        watchlist = read_watchlist(self._settings.watchlist)
        report = FetchReport()
        selected = self._ready(names, watchlist, report.left_out, some=True)
        plan = [(source, self._asks(source, watchlist, since)) for source in selected]
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(self._client(selected))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            tasks = [
                group.create_task(self._fetch(source, requests, client, since, progress))
                for source, requests in plan
            ]
        report.runs += [task.result() for task in tasks]
        return report

    async def search(self, name: str, text: str, limit: int) -> Found:
        """Ask a source's upstream what there is to watch, and return at most `limit` of it.

        Raises ConfigError before any I/O where the source is unknown, offers no search or lacks
        a setting; Transient, UpstreamError and UnreadableAnswer where the upstream has no answer.
        """
        [source] = self._registry.select([name])
        if source.search is None:
            raise ConfigError(f"{source.name} cannot be searched: name what you know to it")
        request = source.search.request(text, min(limit, source.search.most), self._settings)
        async with self._client([source]) as client:
            return source.search.read(await client.get(request))

    async def serve(self, stop: asyncio.Event, names: Iterable[str] | None = None) -> None:
        """Keep the named sources fresh, or all, until `stop` is set.

        A source that lacks a setting, or is at fault, is left out with a warning, unless it was
        named: then ConfigError is raised. What the watchlist gains is fetched within seconds;
        where it brings a source to a fault, that source alone waits until it is mended.
        """
        watched = WatchedFile(self._settings.watchlist)
        left_out: dict[str, ConfigError] = {}
        ready = self._ready(names, watched.current, left_out)
        for name, reason in left_out.items():
            _log.warning("source_left_out", source=name, reason=str(reason))
        changed = {source.name: asyncio.Event() for source in ready}

        def tell(before: Watchlist, after: Watchlist) -> None:
            for source in ready:
                if self._asks_anew(source, before, after):
                    changed[source.name].set()

        async with self._client(ready) as client, asyncio.TaskGroup() as group:
            group.create_task(watched.follow(stop, tell))
            for source in ready:
                refresh = partial(self._refresh, source, watched, client)
                event = changed[source.name]
                group.create_task(self._keep_fresh(source, refresh, stop, event, watched))

    def check(self, names: Iterable[str] | None = None, *, replays: bool, once: bool) -> None:
        """Raise ConfigError for whatever can be known to be wrong without any connection."""
        if replays:
            self._selected(names, read_watchlist(self._settings.watchlist))
        else:
            self._ready(names, read_watchlist(self._settings.watchlist), {}, some=once)

    def _ready(
        self,
        names: Iterable[str] | None,
        watchlist: Watchlist,
        left_out: dict[str, ConfigError],
        *,
        some: bool = False,
    ) -> list[Source]:
        """Return the sources that can be fetched, and note in `left_out` why others cannot.

        Raises ConfigError for a named one that cannot, and with `some` where none can.
        """
        named = bool(names or self._settings.fetch_sources)
        selected = self._selected(names, watchlist)
        ready: list[Source] = []
        for source in (s for s in selected if named or s.needed(self._settings)):
            try:
                self._asks(source, watchlist)
                ready.append(source)
            except ConfigError as exc:
                if named:
                    raise
                left_out[source.name] = exc
        if some and left_out and not ready:
            raise ConfigError("; ".join(map(str, left_out.values())))
        return ready

    def _asks(
        self, source: Source, watchlist: Watchlist, since: dt.date | None = None
    ) -> Sequence[Request]:
        """Return what a source asks; raises SourceFaultError, which names it, for its own fault."""
        try:
            return source.configured(watchlist).requests(watchlist, self._settings, since)
        except EconstreamError:
            raise
        except Exception as exc:  # a source is foreign code: its fault leaves the others alone
            raise SourceFaultError(
                f"a fault in the source {source.name}: {exc!r}; mend it, or uninstall its package"
            ) from exc

    def _asks_anew(self, source: Source, before: Watchlist, after: Watchlist) -> bool:
        """Return whether a source asks something else; also where it cannot say what."""
        try:
            return self._asks(source, after) != self._asks(source, before)
        except ConfigError:
            return True

    async def _keep_fresh(
        self,
        source: Source,
        refresh: Refresh,
        stop: asyncio.Event,
        changed: asyncio.Event,
        watched: WatchedFile,
    ) -> None:
        """Keep a source fresh, from when it was last, if nothing was added to it since."""
        due: dt.datetime | None = None
        try:
            memory = Memory(await self._states.recall(source.name), dt.datetime.now(dt.UTC))
        except Transient as exc:
            _log.warning("state_not_recalled", source=source.name, reason=str(exc))
        else:
            asked = self._asks(source, watched.current)
            if memory.complete_at and all(request.name in memory.had for request in asked):
                due = source.due_after(memory.complete_at, memory)
        await keep_fresh(source, refresh, stop, changed, due)

    async def _refresh(
        self, source: Source, watched: WatchedFile, client: HttpClient, probing: bool
    ) -> RunSummary:
        try:
            requests = self._asks(source, watched.current)
        except ConfigError as exc:
            # What the watchlist says now may be mended: the others go on meanwhile.
            raise Transient(str(exc)) from exc
        configured = source.configured(watched.current)
        patience = 1 if probing else GIVE_UP_AFTER
        return await self._fetch(configured, requests, client, patience=patience)

    async def _fetch(
        self,
        source: Source,
        requests: Sequence[Request],
        client: HttpClient,
        since: dt.date | None = None,
        progress: Progress | None = None,
        patience: int = GIVE_UP_AFTER,
    ) -> RunSummary:
        folder = self._settings.fetch_archive_dir
        archive = ArchiveWriter(folder) if folder else None
        ledger = await open_ledger(source, self._states, since)
        asked = ledger.planned(requests)
        prefix = self._settings.kafka_topic_prefix
        known = None
        if NEWS_ARTICLES in source.datasets:
            known = await KnownArticles.recall(
                self._states, self._articles, everything=since is not None
            )
        run = Run(
            source, self._publisher, prefix, planned=len(asked), progress=progress, known=known
        )
        talk = Conversation(run, client, archive, ledger, patience)
        return await fetch(run, asked, talk, ledger)

    def _selected(self, names: Iterable[str] | None, watchlist: Watchlist) -> list[Source]:
        chosen = list(names or ()) or self._settings.fetch_sources
        return [source.configured(watchlist) for source in self._registry.select(chosen)]


def client_for(sources: Sequence[Source], *, local: Iterable[str] = ()) -> HttpClient:
    """Return the HTTP client for some sources: their hosts, each at the lowest rate wanted.

    `local` are hosts of one's own network, which may be asked in spite of their addresses.
    """
    rates: dict[str, float] = {}
    for source in sources:
        for host in source.hosts:
            rates[host] = min(source.per_second, rates.get(host, source.per_second))
    return HttpClient(rates, local=local)
