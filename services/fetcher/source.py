"""What a source of data is: the one class that a new source, built in or plugged in, extends."""

import datetime as dt
import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar
from urllib.parse import urlsplit

from services.fetcher.answer import Answer, Parsed, Request
from services.fetcher.schedule.cadence import Cadence, Every
from services.fetcher.search import Search
from services.fetcher.state.memory import Had, Memory
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.errors import ConfigError
from shared.settings import Settings


class SourceFaultError(ConfigError):
    """A source fails by itself, whatever its upstream says: its code is to be mended."""


class Source(ABC):
    """A source: what it asks and how it reads the answers; its docstring is its documentation.

    name       what it is called on the command line, in messages and in the watchlist
    hosts      the only hosts it may speak to, redirects included
    datasets   what it fills, the main one first
    watches    the list in its section of the watchlist that says what to ask for
    per_second requests a second and host that the upstream bears
    every      how often it is worth asking while running as a service
    cadence    when that is, where it has times of its own; None: at `every`
    search     how the upstream is searched for what could be watched; None: it cannot be
    """

    name: ClassVar[str]
    hosts: ClassVar[tuple[str, ...]]
    datasets: ClassVar[tuple[Dataset, ...]]
    watches: ClassVar[str]
    per_second: ClassVar[float] = 1.0
    every: ClassVar[dt.timedelta] = dt.timedelta(days=1)
    cadence: ClassVar[Cadence | None] = None
    search: ClassVar[Search | None] = None

    @property
    def documentation(self) -> str:
        """What the source reads and how, as its docstring says."""
        return inspect.getdoc(type(self)) or ""

    @abstractmethod
    def matches(self, url: str) -> bool:
        """Return whether this source reads the answers of this URL."""

    @abstractmethod
    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        """Return what to ask so that everything watched is fresh, from `since` on where given.

        Does no I/O. Raises ConfigError where a setting it needs is missing.
        """

    @abstractmethod
    def parse(self, answer: Answer) -> Parsed:
        """Return what an answer says. Pure: no I/O, no clock, the same answer the same result.

        Raises UnreadableAnswer where the answer lacks its documented form and UpstreamError
        where it is the upstream's own error. Called off the event loop.
        """

    def plan(self, requests: Sequence[Request], memory: Memory) -> Sequence[Request]:
        """Return what of the requests to ask in an ordinary run, or what to ask instead. Pure.

        `memory` says what was had of each before, by its name. A request that comes again
        later, as `Parsed.also`, need not be among them.
        """
        return requests

    def narrowed(self, request: Request, had: Had) -> Request:
        """Return a request for the news since it was had, `request.narrowed(url)`, or itself."""
        return request

    def follow_up(self, request: Request, parent: Request) -> Request:
        """Return a request that an answer asks for, with the headers and secrets of its parent."""
        return replace(
            request,
            headers=parent.headers,
            secrets=parent.secrets,
            credentials=parent.credentials,
        )

    def due_after(self, moment: dt.datetime, memory: Memory | None = None) -> dt.datetime:
        """Return when it is due again that was refreshed at a moment. Pure.

        `memory` says what was had until then; without it the source goes by the clock alone.
        """
        return (self.cadence or Every(self.every)).after(moment)

    def needed(self, settings: Settings) -> bool:
        """Return whether it is worth fetching where nobody named it."""
        return True

    def configured(self, watchlist: Watchlist) -> "Source":
        """Return this source as the switches in its section of the watchlist want it."""
        return self

    def speaks_to(self, url: str) -> bool:
        """Return whether a URL's host is one of this source's."""
        return urlsplit(url).hostname in self.hosts
