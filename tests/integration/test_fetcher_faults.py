"""Upstreams that go wrong in every way at once, through the fetcher and a real broker."""

import asyncio
import io
import shutil
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import orjson
import pytest
import zstandard
from pydantic import SecretStr

from services.fetcher.answer import Request
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.report import FetchReport
from services.fetcher.state.memory import Had
from services.fetcher.state.topic import TopicStates, remembered, state_topic
from shared.errors import EconstreamError
from shared.kafka import Cluster, Producer, declared_topics, ensure_topics, read_whole
from shared.observability import configure_logging
from shared.registry import discover
from shared.settings import Settings
from tests.fetching import Numbers
from tests.integration.misbehaving import Server, misbehaving, response, self_signed
from tests.integration.misfortunes import GOOD, LIMIT, Misfortune, misfortunes

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


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    async with misbehaving() as plain, misbehaving(self_signed(tmp_path)) as encrypted:
        yield Upstreams(plain, encrypted, misfortunes())


@pytest.fixture
def settings(kafka_settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "watchlist.toml").write_text("")
    given = {"watchlist": tmp_path / "watchlist.toml", "fetch_archive_dir": tmp_path / "kept"}
    return kafka_settings.model_copy(update=given)


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


@pytest.fixture
async def fetching(
    cluster: Cluster, settings: Settings, upstreams: Upstreams
) -> AsyncIterator[Fetching]:
    await ensure_topics(cluster, [*declared_topics(settings, discover()), state_topic(settings)])
    async with Producer(cluster) as producer:
        yield Fetching(cluster, producer, settings, upstreams)


def client() -> HttpClient:
    return HttpClient(
        {"127.0.0.1": 10_000.0}, limits=LIMITS, schemes=("http", "https"), private=True
    )


async def test_bad_answers_publish_nothing_move_nothing_and_delay_nobody(
    fetching: Fetching, upstreams: Upstreams
) -> None:
    log = io.StringIO()
    configure_logging("DEBUG", "json", "fetcher", [SecretStr(SECRET)], log)
    upstreams.be_well(b"1", '"before"')
    await fetching.run()
    before = await fetching.remembered()
    # Whose certificate nobody vouches for was never well.
    mended = {name for name, fault in upstreams.wrong.items() if not fault.encrypted}
    assert await fetching.series() == dict.fromkeys((*mended, *WELL), 1)

    upstreams.be_well(GOOD, '"after"')
    upstreams.go_wrong()
    report = await fetching.run()

    after = await fetching.remembered()
    logged = {run.source: run for run in report.runs}
    assert await fetching.series() == dict.fromkeys(mended, 1) | dict.fromkeys(WELL, 4)
    assert {name: after[name] for name in upstreams.wrong} == {
        name: before[name] for name in upstreams.wrong
    }
    assert all(after[name] != before[name] for name in WELL)
    written = {row["run_id"]: row for row in await fetching.rows("data_refresh_log")}
    for name, fault in upstreams.wrong.items():
        row = written[logged[name].run_id]
        assert (name, row["status"], row["records_updated"]) == (name, "failed", 0)
        assert fault.said in str(row["error_message"]), name
        assert f"/numbers/{name}" in str(row["error_message"])
    assert {written[logged[name].run_id]["status"] for name in WELL} == {"success"}
    _assert_secret_nowhere(log.getvalue(), str(written), str(after), str(report))
    _assert_secret_nowhere(*_kept(fetching.settings))

    upstreams.be_well(GOOD, '"after"')
    await fetching.run()
    assert await fetching.series() == dict.fromkeys((*mended, *WELL), 4)


async def test_no_answer_and_no_error_of_the_client_holds_a_secret(upstreams: Upstreams) -> None:
    said: list[str] = []
    async with client() as http:
        for happen in (partial(upstreams.be_well, GOOD, ""), upstreams.go_wrong):
            happen()
            for odd in upstreams.sources:
                (request,) = odd.requests()
                try:
                    answer = await http.get(request)
                except EconstreamError as exc:
                    said.append("".join(traceback.format_exception(exc)) + repr(exc))
                else:
                    said.append(f"{answer!r} {answer.body!r} {request!r}")
    _assert_secret_nowhere(*said)
    assert any(SECRET in asked for asked in upstreams.plain.requests)
    assert any(HEADER_SECRET in head for head in upstreams.plain.heads)


def _assert_secret_nowhere(*texts: str) -> None:
    for text in texts:
        for secret in (SECRET, HEADER_SECRET, COOKIE):
            assert secret not in text, text[max(0, text.find(secret) - 200) :][:400]


def _kept(settings: Settings) -> list[str]:
    """Return everything that the archive holds, bodies as they were."""
    assert settings.fetch_archive_dir is not None
    found = [path for path in settings.fetch_archive_dir.rglob("*") if path.is_file()]
    assert len(found) > 5
    plain = zstandard.ZstdDecompressor().decompressobj
    return [
        (plain().decompress(p.read_bytes()) if p.suffix == ".zst" else p.read_bytes()).decode(
            errors="replace"
        )
        for p in found
    ]
