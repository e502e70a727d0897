"""One run's account with what is remembered: what is still to be asked, and what was had."""

import datetime as dt
from collections.abc import Sequence

from services.fetcher.answer import Request
from services.fetcher.source import Source
from services.fetcher.state.memory import COMPLETE, Had, Memory, States

_RESUMABLE = dt.timedelta(days=7)
"""How long a backfill that broke off is gone on with, before it begins anew."""
_NEXT = "next"
"""The fact that names the pages after one, by their URLs, in which no blank stands."""


class Ledger:
    """What a run of a source knows of earlier ones, and writes down for later ones."""

    def __init__(self, source: Source, states: States, memory: Memory) -> None:
        self._source = source
        self._states = states
        self._memory = memory
        self._kept = dict(memory.had)

    @property
    def due(self) -> dt.datetime:
        """When the source is due again, after what this run has had."""
        now = dt.datetime.now(dt.UTC)
        return self._source.due_after(now, Memory(self._kept, now))

    def planned(self, requests: Sequence[Request]) -> list[Request]:
        """Return what of the requests is to be asked in this run."""
        return list(self._source.plan(requests, self._memory))

    def as_due(self, request: Request) -> Request | None:
        """Return the request as it is to be asked now; None: it was had since it became due."""
        had = self._memory.had.get(request.name)
        if had is None:
            return request
        if request.unless_since is not None:
            fresh = had.whole_at is not None and had.whole_at >= request.unless_since
            return None if fresh else request
        return self._source.narrowed(request, had)

    def last(self, request: Request) -> Had | None:
        """Return how exactly this was had before: the same question, not a wider or narrower."""
        had = self._memory.had.get(request.name)
        return had if had is not None and had.url == request.url else None

    def pages_after(self, page: Request) -> list[Request] | None:
        """Return what follows a page that was had before the work broke off; None: it was not."""
        return None

    async def keep_page(self, page: Request, following: Sequence[Request]) -> None:
        """Remember that a page of a request was had, and what follows it, once acknowledged."""

    async def keep(self, request: Request, had: Had) -> None:
        """Remember that a request was had; call it when all of it is acknowledged."""
        if request.url != request.name:
            before = self._memory.had.get(request.name)
            had = had.model_copy(update={"whole_at": before.whole_at if before else None})
        self._kept[request.name] = had
        await self._states.keep(self._source.name, {request.name: had})

    async def close(self, *, complete: bool) -> None:
        """End the account of a run, which had everything or not."""
        if complete:
            now = self._memory.now
            await self._states.keep(self._source.name, {COMPLETE: Had(url="", asked_at=now)})


class Backfill(Ledger):
    """The account of a backfill: everything is asked, but what was had before it broke off.

    Pages count one by one, so that a request of many goes on where it was.
    """

    def __init__(self, source: Source, states: States, memory: Memory, since: dt.date) -> None:
        super().__init__(source, states, memory)
        self._mark = f"since {since.isoformat()}"
        begun = memory.had.get(self._mark)
        self._begun = begun if begun and memory.now - begun.asked_at < _RESUMABLE else None

    def planned(self, requests: Sequence[Request]) -> list[Request]:
        return [request for request in requests if not self._is_done(request)]

    def as_due(self, request: Request) -> Request | None:
        return None if self._is_done(request) else request

    def last(self, request: Request) -> Had | None:
        return None

    async def open(self) -> None:
        """Write down that the backfill has begun, unless it goes on from where it broke off."""
        if self._begun is None:
            self._begun = Had(url="", asked_at=self._memory.now)
            await self._states.keep(self._source.name, {self._mark: self._begun})

    def pages_after(self, page: Request) -> list[Request] | None:
        had = self._done(self._page(page))
        return [Request(url) for url in had.facts.get(_NEXT, "").split()] if had else None

    async def keep_page(self, page: Request, following: Sequence[Request]) -> None:
        urls = " ".join(request.url for request in following)
        had = Had(url=page.url, asked_at=dt.datetime.now(dt.UTC), facts={_NEXT: urls})
        await self._states.keep(self._source.name, {self._page(page): had})

    async def keep(self, request: Request, had: Had) -> None:
        await self._states.keep(self._source.name, {self._name(request): had})

    async def close(self, *, complete: bool) -> None:
        if not complete:
            return
        kept = await self._states.recall(self._source.name)
        mine = [name for name in kept if name == self._mark or name.startswith(f"{self._mark} ")]
        await self._states.keep(self._source.name, dict.fromkeys(mine))

    def _is_done(self, request: Request) -> bool:
        return self._done(self._name(request)) is not None

    def _done(self, name: str) -> Had | None:
        """Return what is remembered under a name since the backfill has begun."""
        had = self._memory.had.get(name)
        return had if had and self._begun and had.asked_at >= self._begun.asked_at else None

    def _name(self, request: Request) -> str:
        return f"{self._mark} {request.name}"

    def _page(self, page: Request) -> str:
        return f"{self._mark} page {page.url}"


async def open_ledger(source: Source, states: States, since: dt.date | None) -> Ledger:
    """Return the account of a run that begins now; raises Transient where nothing answers."""
    memory = Memory(await states.recall(source.name), dt.datetime.now(dt.UTC))
    if since is None:
        return Ledger(source, states, memory)
    backfill = Backfill(source, states, memory, since)
    await backfill.open()
    return backfill
