"""Asks a source's upstream what its watchlist wants, and publishes the answers."""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.fetcher.answer import Answer, Request, UnreadableAnswer, UpstreamError
from services.fetcher.archive.folder import ArchiveWriter
from services.fetcher.http.client import HttpClient, retry_after
from services.fetcher.runs.ledger import Ledger
from services.fetcher.runs.metrics import count_run
from services.fetcher.runs.run import Run, RunSummary, Taken
from services.fetcher.state.memory import Had
from shared.errors import Transient
from shared.tracing import span

_MAX_FOLLOW_UPS = 1_000
GIVE_UP_AFTER = 3
"""Requests in a row without an answer after which an upstream counts as away."""
_AWAY = frozenset({500, 502, 503, 504})
_THROTTLED = 429


@dataclass(slots=True)
class _Account:
    """What the pages of a request said, as far as they were read."""

    asked_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    digests: list[str] = field(default_factory=list)
    also: list[Request] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def add(self, answer: Answer, taken: Taken) -> None:
        """Add a page that was read."""
        if not self.digests:
            self.status, self.headers = answer.status, answer.headers
        self.digests.append(taken.digest or "")
        self.also += taken.parsed.also
        self.facts |= taken.parsed.facts

    def had(self, request: Request, before: Had | None) -> Had:
        """Return what is to be remembered of the request; unchanged is what it was before."""
        unchanged = before if self.status == 304 else None
        etag, modified = self.headers.get("etag"), self.headers.get("last-modified")
        return Had(
            url=request.url,
            asked_at=self.asked_at,
            whole_at=self.asked_at,
            etag=etag or (unchanged.etag if unchanged else None),
            last_modified=modified or (unchanged.last_modified if unchanged else None),
            digests=unchanged.digests if unchanged else tuple(self.digests),
            facts=unchanged.facts if unchanged else self.facts,
        )


class Conversation:
    """One run's talk with an upstream: asks, keeps, reads, and knows when to leave it alone.

    patience  requests in a row without an answer that are borne
    """

    def __init__(
        self,
        run: Run,
        client: HttpClient,
        archive: ArchiveWriter | None,
        ledger: Ledger,
        patience: int = GIVE_UP_AFTER,
    ) -> None:
        self._run = run
        self._client = client
        self._archive = archive
        self._ledger = ledger
        self._patience = patience
        self._silent = 0
        self._follow_ups = 0
        self._throttled = False

    @property
    def over(self) -> bool:
        """Whether the upstream is to be left alone for the rest of the run."""
        if self._throttled or self._follow_ups > _MAX_FOLLOW_UPS:
            return True
        return self._run.summary.refused or self._silent >= self._patience

    async def ask(self, request: Request) -> Sequence[Request]:
        """Ask a request and all its pages, and return what it makes due.

        It is remembered as had only when every page was acknowledged. What goes wrong is
        written down in the run. Raises what the publisher and the archive raise.
        """
        had, account = self._ledger.last(request), _Account()
        conditions = had.conditions if had else {}
        pages = deque([replace(request, headers={**request.headers, **conditions})])
        whole = True
        while pages and not self.over:
            page = pages.popleft()
            following: Sequence[Request] | None = self._ledger.pages_after(page)
            if following is None:
                following = await self._page(page, account, had)
            whole = whole and following is not None
            pages.extendleft(self._further(following or (), request))
        if whole and not pages:
            await self._ledger.keep(request, account.had(request, had))
        return [self._run.source.follow_up(more, request) for more in account.also]

    async def _page(
        self, page: Request, account: "_Account", had: Had | None
    ) -> Sequence[Request] | None:
        """Ask one page of a request, and return the pages that follow; None where it failed."""
        answer = await self._answered(page)
        place = len(account.digests)
        before = had.digests[place] if had and len(had.digests) > place else None
        taken = await self._run.take(answer, before) if answer else None
        if answer is None or taken is None:
            return None
        account.add(answer, taken)
        following = taken.parsed.more
        if following or place:
            await self._ledger.keep_page(page, following)
        return following

    def _further(self, more: Iterable[Request], parent: Request) -> list[Request]:
        pages = [self._run.source.follow_up(page, parent) for page in more]
        self._run.summary.planned += len(pages)
        self._follow_ups += len(pages)
        if self._follow_ups > _MAX_FOLLOW_UPS:
            self._run.fail(parent.url, f"over {_MAX_FOLLOW_UPS} further pages: given up")
        return pages[::-1]

    async def _answered(self, request: Request) -> Answer | None:
        """Return the upstream's answer, kept in the archive; None where there is none to read."""
        try:
            with span("GET", kind="client", url__full=request.url) as asked:
                answer = await self._client.get(request)
                asked.note(http__response__status_code=answer.status)
        except Transient as exc:
            self._silent += 1
            self._run.fail(request.url, str(exc))
            return None
        except UpstreamError as exc:
            self._run.refuse(request.url, str(exc))
            return None
        except UnreadableAnswer as exc:
            self._run.fail(request.url, str(exc))
            return None
        self._silent = self._silent + 1 if answer.status in _AWAY else 0
        if answer.status == _THROTTLED or answer.status in _AWAY:
            self._heed(answer)
        if self._archive is not None:
            await self._archive.keep(answer)
        return answer

    def _heed(self, answer: Answer) -> None:
        """Leave an upstream alone that throttles, and as long as it says."""
        seconds = retry_after(answer)
        self._throttled = answer.status == _THROTTLED or seconds > 0
        if seconds:
            self._run.summary.rest_until = answer.fetched_at + dt.timedelta(seconds=seconds)


async def fetch(
    run: Run, requests: Sequence[Request], talk: Conversation, ledger: Ledger
) -> RunSummary:
    """Ask all requests and what follows from them, and return the run's summary.

    Every answer is kept in the archive before it is read. A request that fails is written
    down and the others go on; an upstream that throttles, or is silent three times in a row,
    is left alone. Raises what the publisher and the archive raise. Cancelling stops between
    two answers.
    """
    with run.within():
        await _ask_all(run, requests, talk, ledger)
    summary = await run.finish()
    count_run(summary)
    await ledger.close(complete=summary.complete)
    summary.due = ledger.due
    return summary


async def _ask_all(
    run: Run, requests: Sequence[Request], talk: Conversation, ledger: Ledger
) -> None:
    waiting = deque(requests)
    known = {request.name for request in requests}
    while waiting and not talk.over:
        due = ledger.as_due(waiting.popleft())
        if due is None:
            continue
        for request in await talk.ask(due):
            if request.unless_since is not None or request.name not in known:
                known.add(request.name)
                waiting.append(request)
                run.summary.planned += 1
    if waiting:
        run.summary.cut_short = True
        why = "refused" if run.summary.refused else "away or throttled"
        run.fail(run.source.hosts[0], f"{why}: {len(waiting)} requests were not sent")
