"""Fetching from a real server: what is published, archived, logged and given up."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.fetcher.answer import Request
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.summary import summary_lines
from services.fetcher.watchlist.file import add_names
from shared.errors import ConfigError, Transient
from shared.settings import Settings
from tests.fetching import Collected, Numbers
from tests.integration.misbehaving import Server, misbehaving, response
from tests.waiting import until

SECRET = "3f1c9a7be55d0c42"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        yield serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    watchlist = tmp_path / "watchlist.toml"
    watchlist.write_text('[numbers]\nnames = ["a", "b"]\n')
    return Settings(watchlist=watchlist, fred_api_key=SecretStr(SECRET))


def fetcher(
    settings: Settings,
    server: Server,
    publisher: Collected | None,
    registry: SourceRegistry | None = None,
) -> Fetcher:
    limits = Limits(attempts=1, body_bytes=10_000)
    client = HttpClient({"127.0.0.1": 1_000.0}, limits=limits, schemes=("http",), private=True)
    numbers = SourceRegistry([Numbers(server.address)])
    return Fetcher(settings, publisher, registry=registry or numbers, client=lambda _: client)


async def test_what_is_watched_is_published_and_the_run_is_logged_after_it(
    server: Server, settings: Settings
) -> None:
    server.replies = {"/numbers/a": [response(b"1\n2")], "/numbers/b": [response(b"3")]}
    published = Collected()
    report = await fetcher(settings, server, published).fetch_once()
    assert [row["value"] for row in published.values("fred_data")] == [1.0, 2.0, 3.0]
    assert published.records[-1].topic == "econ.data_refresh_log"
    (logged,) = published.values("data_refresh_log")
    (run,) = report.runs
    assert (logged["status"], logged["records_updated"]) == ("success", 3)
    assert logged["data_type"] == "fred_data"
    assert logged["error_message"] is None
    assert logged["run_id"] == run.run_id
    assert {dict(r.headers)["run_id"].decode() for r in published.records} == {run.run_id}
    assert (run.answers, run.planned, report.exit_status) == (2, 2, 0)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (response(b"1\nx"), "not a number"),
        (response(b"<html>wait</html>"), "web page"),
        (response(b"fault"), "a fault in the source numbers"),
        (response(b"sorry"), "says sorry"),
        (response(b"no", 500), "HTTP 500"),
        (response(b"1\n2", length=99), "no answer"),
        (response(b"0" * 20_000), "over 10,000 bytes"),
        (response(b"", 302, location="http://example.org/"), "not one of the source's hosts"),
        (response(b"nan"), "NaN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_answer_publishes_nothing_and_the_others_go_on(
    server: Server, settings: Settings, bad: bytes, why: str
) -> None:
    server.replies = {"/numbers/a": [bad], "/numbers/b": [response(b"3")]}
    published = Collected()
    report = await fetcher(settings, server, published).fetch_once()
    assert [row["series_id"] for row in published.values("fred_data")] == ["b"]
    (logged,) = published.values("data_refresh_log")
    assert logged["status"] == "partial"
    assert why in str(logged["error_message"])
    assert "/numbers/a" in str(logged["error_message"])
    assert SECRET not in str(logged)
    assert report.exit_status == 1


async def test_pages_are_followed_with_the_key(server: Server, settings: Settings) -> None:
    server.replies = {
        "/numbers/a": [response(b"next /numbers/a2\n1")],
        "/numbers/a2": [response(b"2")],
        "/numbers/b": [response(b"3")],
    }
    published = Collected()
    report = await fetcher(settings, server, published).fetch_once()
    assert [row["value"] for row in published.values("fred_data")] == [1.0, 2.0, 3.0]
    assert all(f"api_key={SECRET}" in asked for asked in server.requests)
    assert report.runs[0].planned == 3


async def test_an_upstream_that_is_away_is_given_up_after_three_requests(
    settings: Settings,
) -> None:
    add_names(settings.watchlist, "numbers", "names", ["c", "d", "e"])
    published = Collected()
    nowhere = Server(address="127.0.0.1:1")
    report = await fetcher(settings, nowhere, published).fetch_once()
    (run,) = report.runs
    assert run.status == "failed"
    assert run.failures[-1].endswith("2 requests were not sent")
    assert [row["status"] for row in published.values("data_refresh_log")] == ["failed"]


async def test_skipped_records_and_warnings_are_told_and_fail_nothing(
    server: Server, settings: Settings
) -> None:
    add_names(settings.watchlist, "numbers", "names", ["odd"])
    server.replies = {f"/numbers/{name}": [response(b"1")] for name in ("a", "b", "odd")}
    published = Collected()
    report = await fetcher(settings, server, published).fetch_once()
    (logged,) = published.values("data_refresh_log")
    assert (logged["status"], logged["error_message"]) == ("success", "odd; 1 skipped: blank")
    assert report.exit_status == 0


async def test_the_archive_of_a_fetch_replays_to_the_same_records(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    server.replies = {"/numbers/a": [response(b"1\n2")], "/numbers/b": [response(b"sorry")]}
    settings = settings.model_copy(update={"fetch_archive_dir": tmp_path / "kept"})
    live, again = Collected(), Collected()
    await fetcher(settings, server, live).fetch_once()
    report = await fetcher(settings, server, again).replay(tmp_path / "kept")

    def told(published: Collected) -> list[Any]:
        return [
            (r.key, r.value, dict(r.headers)["as_of"])
            for r in published.records
            if r.topic == "econ.fred_data"
        ]

    assert told(again) == told(live)
    assert len(told(live)) == 2
    assert (report.runs[0].status, report.exit_status) == ("success", 0)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept


async def test_a_missing_key_is_told_before_anything_is_asked(
    server: Server, settings: Settings
) -> None:
    keyless = settings.model_copy(update={"fred_api_key": None})
    with pytest.raises(ConfigError, match="FRED_API_KEY"):
        await fetcher(keyless, server, Collected()).fetch_once()
    assert server.requests == []


async def test_a_source_without_its_key_does_not_keep_others_from_being_fetched(
    server: Server, settings: Settings
) -> None:
    class Free(Numbers):
        """Numbers that need no key, for whoever has none."""

        name: ClassVar[str] = "free"

        def requests(self, *_: object) -> Sequence[Request]:
            return [Request(server.url("/numbers/a"))]

        def needed(self, settings: Settings) -> bool:
            return settings.fred_api_key is None

    server.replies = {f"/numbers/{name}": [response(b"1")] for name in "ab"}
    registry = SourceRegistry([Numbers(server.address), Free()])
    keyless = settings.model_copy(update={"fred_api_key": None})
    report = await fetcher(keyless, server, Collected(), registry).fetch_once()
    assert [run.source for run in report.runs] == ["free"]
    assert any(
        line.startswith("numbers: left out: numbers need a key") for line in summary_lines(report)
    )
    keyed = await fetcher(settings, server, Collected(), registry).fetch_once()
    assert [run.source for run in keyed.runs] == ["numbers"]


async def test_a_broker_that_is_away_ends_the_run(server: Server, settings: Settings) -> None:
    server.replies = {"/numbers/a": [response(b"1")], "/numbers/b": [response(b"3")]}
    with pytest.raises(ExceptionGroup) as caught:
        await fetcher(settings, server, Collected(away_after=1)).fetch_once()
    assert caught.group_contains(Transient, match="the broker is away")


class TestService:
    """The fetcher as a service."""

    @asynccontextmanager
    async def serving(
        self, settings: Settings, server: Server, registry: SourceRegistry | None = None
    ) -> AsyncIterator[Collected]:
        """Serve until the end of the block; ending takes ten seconds at most."""
        published = Collected()
        stop = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(fetcher(settings, server, published, registry).serve(stop))
            yield published
            stop.set()

    async def test_it_picks_up_what_the_watchlist_gains(
        self, server: Server, settings: Settings
    ) -> None:
        server.replies = {f"/numbers/{name}": [response(b"1")] for name in "abc"}
        async with self.serving(settings, server) as published:
            await until(lambda: bool(published.values("data_refresh_log")))
            add_names(settings.watchlist, "numbers", "names", ["c"])
            await until(lambda: series(published) >= {"a", "b", "c"})

    async def test_a_broken_watchlist_leaves_the_last_one_in_force(
        self, server: Server, settings: Settings
    ) -> None:
        server.replies = {f"/numbers/{name}": [response(b"1")] for name in "abc"}
        with capture_logs() as lines:
            async with self.serving(settings, server) as published:
                await until(lambda: bool(published.values("data_refresh_log")))
                settings.watchlist.write_text("names = [")
                await until(lambda: "watchlist_not_taken_over" in [x["event"] for x in lines])
                settings.watchlist.write_text('[numbers]\nnames = ["c"]\n')
                await until(lambda: "c" in series(published))

    async def test_it_stops_in_the_middle_of_a_request(
        self, server: Server, settings: Settings
    ) -> None:
        async def silent(_: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        server.replies = {"/numbers/a": [silent]}
        async with self.serving(settings, server) as published:
            await until(lambda: bool(server.requests))
        assert published.records == []

    async def test_a_dead_upstream_does_not_delay_the_others(
        self, server: Server, settings: Settings
    ) -> None:
        class Dead(Numbers):
            """Numbers whose upstream takes the question and never answers."""

            name: ClassVar[str] = "dead"

            def requests(self, *_: object) -> Sequence[Request]:
                return [Request(server.url("/numbers/dead"))]

        class Often(Numbers):
            """Numbers that are due again at once."""

            every: ClassVar[dt.timedelta] = dt.timedelta(milliseconds=10)

        async def silent(_: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        server.replies = {f"/numbers/{name}": [response(b"1")] for name in "ab"}
        server.replies["/numbers/dead"] = [silent]
        registry = SourceRegistry([Often(server.address), Dead(server.address)])
        async with self.serving(settings, server, registry) as published:
            await until(lambda: len(published.values("data_refresh_log")) >= 3)
        assert server.requests.count("/numbers/dead") == 1

    async def test_a_source_without_its_key_is_left_out_unless_it_was_named(
        self, server: Server, settings: Settings
    ) -> None:
        keyless = settings.model_copy(update={"fred_api_key": None})
        with capture_logs() as lines:
            async with self.serving(keyless, server):
                await until(lambda: "source_left_out" in [line["event"] for line in lines])
        assert server.requests == []
        with pytest.raises(ConfigError, match="FRED_API_KEY"):
            await fetcher(keyless, server, Collected()).serve(asyncio.Event(), ["numbers"])


def series(published: Collected) -> set[object]:
    """Return the series of which something was published."""
    return {row["series_id"] for row in published.values("fred_data")}
