"""Upstreams on this machine, well or not, and runs of fetchers that ask all of them at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import orjson
from pydantic import SecretStr

from services.fetcher.answer import Request
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.report import FetchReport
from services.fetcher.state.memory import Had
from services.fetcher.state.topic import TopicStates, remembered, state_topic
from shared.kafka import Cluster, Producer, declared_topics, ensure_topics, read_whole
from shared.registry import discover
from shared.settings import Settings
from tests.fetching import Numbers
from tests.integration.misbehaving import Server, response
from tests.integration.misfortunes import LIMIT, Misfortune

SECRET = "3f1c9a7be55d0c42"
HEADER_SECRET = "c0ffee5e7a1d9b38"
COOKIE = "b7d2e91f60c4a853"
LIMITS = Limits(attempts=1, body_bytes=LIMIT, seconds=2.0, first_wait=0.01)
WELL = ("well_one", "well_two")


class Odd(Numbers):
    """Numbers of one upstream, asked with a key in its URL and another in a header."""

    url: ClassVar[str]

    def requests(self, *_: object) -> Sequence[Request]:
        secrets = {"api_key": SecretStr(SECRET)}
        credentials = {"authorization": SecretStr(f"Bearer {HEADER_SECRET}")}
        return [Request(self.url, secrets=secrets, credentials=credentials)]


def source(name: str, url: str) -> Odd:
    """Return the source of this name that asks a URL."""
    kind: type[Odd] = type(name, (Odd,), {"name": name, "url": url, "__doc__": Odd.__doc__})
    return kind()


class OnceRead(TopicStates):
    """The memory on the topic, which is read once for all sources of a run."""

    def __init__(self, cluster: Cluster, producer: Producer, topic: str) -> None:
        super().__init__(cluster, producer, topic)
        self._messages = asyncio.ensure_future(self.read())

    async def recall(self, source: str) -> dict[str, Had]:
        return remembered(await self._messages, source)


@dataclass
class Upstreams:
    """An upstream for each misfortune and some that are well, on two servers."""

    plain: Server
    encrypted: Server
    wrong: dict[str, Misfortune]

    @property
    def sources(self) -> list[Odd]:
        """A source for each."""
        return [source(name, self.url(name)) for name in (*self.wrong, *WELL)]

    def url(self, name: str) -> str:
        """Return where one is asked."""
        fault = self.wrong.get(name)
        if fault and fault.encrypted:
            return f"https://{self.encrypted.address}/numbers/{name}"
        return self.plain.url(f"/numbers/{name}")

    def be_well(self, body: bytes, etag: str) -> None:
        """Answer every question, with the same and with a cookie."""
        good = response(body, etag=etag, set_cookie=f"session={COOKIE}")
        for name in (*self.wrong, *WELL):
            self.plain.replies[f"/numbers/{name}"] = [good]

    def go_wrong(self) -> None:
        """Let the misfortunes happen."""
        for name, fault in self.wrong.items():
            server = self.encrypted if fault.encrypted else self.plain
            server.replies[f"/numbers/{name}"] = [fault.reply]


@dataclass
class Fetching:
    """Runs of all sources on a real broker, and what stands on its topics."""

    cluster: Cluster
    producer: Producer
    settings: Settings
    upstreams: Upstreams

    @property
    def states(self) -> OnceRead:
        """What the fetchers remember now."""
        return OnceRead(self.cluster, self.producer, state_topic(self.settings).name)

    async def run(self) -> FetchReport:
        """Fetch all sources once, side by side."""
        fetcher = Fetcher(
            self.settings,
            self.producer,
            states=self.states,
            registry=SourceRegistry(self.upstreams.sources),
            client=lambda _: client(),
        )
        return await fetcher.fetch_once()

    async def remembered(self) -> dict[str, dict[str, Had]]:
        """Return what is remembered of each source."""
        states = self.states
        return {s.name: await states.recall(s.name) for s in self.upstreams.sources}

    async def series(self) -> Counter[str]:
        """Return how many values of each series stand on the topic."""
        return Counter(str(row["series_id"]) for row in await self.rows("fred_data"))

    async def rows(self, dataset: str) -> list[dict[str, object]]:
        """Return what stands on the topic of a dataset."""
        topic = discover()[dataset].topic(self.settings.kafka_topic_prefix)
        return [orjson.loads(m.value or b"") for m in await read_whole(self.cluster, topic)]


@asynccontextmanager
async def fetching_from(
    upstreams: Upstreams, cluster: Cluster, settings: Settings, folder: Path
) -> AsyncIterator[Fetching]:
    """Yield runs on a real broker, whose archive is in a folder."""
    (folder / "watchlist.toml").write_text("")
    given = {"watchlist": folder / "watchlist.toml", "fetch_archive_dir": folder / "kept"}
    settings = settings.model_copy(update=given)
    await ensure_topics(cluster, [*declared_topics(settings, discover()), state_topic(settings)])
    async with Producer(cluster) as producer:
        yield Fetching(cluster, producer, settings, upstreams)


def client() -> HttpClient:
    return HttpClient(
        {"127.0.0.1": 10_000.0}, limits=LIMITS, schemes=("http", "https"), private=True
    )
