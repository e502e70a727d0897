"""What a fetcher remembers between runs: an unchanged upstream, a failed one, a broken backfill."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.report import FetchReport
from services.fetcher.state.memory import COMPLETE
from shared.errors import Transient
from shared.settings import Settings
from tests.fetching import Collected, Numbers, Remembered
from tests.integration.misbehaving import Reply, Server, misbehaving, response, unless_known

SINCE = dt.date(2024, 1, 1)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with misbehaving() as serving:
        yield serving


class Fetching:
    """Runs of one source, one after the other, that share a memory."""

    def __init__(self, server: Server, folder: Path) -> None:
        watchlist = folder / "watchlist.toml"
        watchlist.write_text('[numbers]\nnames = ["a", "b"]\n')
        self.settings = Settings(watchlist=watchlist, fred_api_key=SecretStr("k" * 32))
        self.server = server
        self.states = Remembered()
        self.published = Collected()

    async def run(
        self, publisher: Collected | None = None, since: dt.date | None = None
    ) -> FetchReport:
        limits = Limits(attempts=1, body_bytes=10_000, seconds=1.0)
        client = HttpClient({"127.0.0.1": 1_000.0}, limits=limits, schemes=("http",), private=True)
        fetcher = Fetcher(
            self.settings,
            publisher or self.published,
            states=self.states,
            registry=SourceRegistry([Numbers(self.server.address)]),
            client=lambda _: client,
        )
        return await fetcher.fetch_once(since=since)

    @property
    def values(self) -> list[object]:
        return [row["value"] for row in self.published.values("fred_data")]

    @property
    def names(self) -> set[str]:
        """The last part of every URL that was remembered as had."""
        return {name.rpartition("/")[2] for name in self.states.had.get("numbers", {})}


@pytest.fixture
def fetching(server: Server, tmp_path: Path) -> Fetching:
    return Fetching(server, tmp_path)


async def test_an_unchanged_upstream_costs_one_request_and_no_record(
    server: Server, fetching: Fetching
) -> None:
    server.replies = {
        "/numbers/a": [unless_known(b"1\n2", '"v1"')],
        "/numbers/b": [response(b"3", last_modified="Wed, 30 Oct 2024 12:54:01 GMT")],
    }
    await fetching.run()
    assert fetching.values == [1.0, 2.0, 3.0]
    server.requests.clear()
    report = await fetching.run()
    assert [asked.partition("?")[0] for asked in server.requests] == ["/numbers/a", "/numbers/b"]
    assert fetching.values == [1.0, 2.0, 3.0]
    assert (report.runs[0].status, report.runs[0].unchanged) == ("unchanged", 2)
    assert "if-modified-since: wed, 30 oct 2024 12:54:01 gmt" in server.heads[-1]
    assert fetching.published.values("data_refresh_log")[-1]["status"] == "unchanged"


async def test_what_has_changed_is_published(server: Server, fetching: Fetching) -> None:
    server.replies = {
        "/numbers/a": [unless_known(b"1", '"v1"'), unless_known(b"2", '"v2"')],
        "/numbers/b": [response(b"3"), response(b"4"), response(b"3")],
    }
    for _ in range(4):
        await fetching.run()
    assert fetching.values == [1.0, 3.0, 2.0, 4.0, 3.0]


@pytest.mark.parametrize(
    "bad",
    [
        response(b"1\nx", etag='"bad"'),
        response(b"<html>wait</html>", etag='"bad"'),
        response(b"sorry", etag='"bad"'),
        response(b"no", 500, etag='"bad"'),
        response(b"no", 429, etag='"bad"'),
        response(b"1\n2", length=99, etag='"bad"'),
        response(b"", etag='"bad"'),
        response(b"0" * 20_000, etag='"bad"'),
        response(b"", 302, location="/numbers/a"),
        b"HTTP/1.1 200",
    ],
)
async def test_a_bad_answer_does_not_move_what_is_remembered(
    server: Server, fetching: Fetching, bad: Reply
) -> None:
    server.replies = {"/numbers/a": [response(b"1", etag='"good"')], "/numbers/b": [response(b"3")]}
    await fetching.run()
    before = await fetching.states.recall("numbers")
    server.replies["/numbers/a"] = [bad]
    report = await fetching.run()
    after = await fetching.states.recall("numbers")
    (name,) = [name for name in before if name.endswith("/a")]
    assert after[name] == before[name]
    assert after[COMPLETE] == before[COMPLETE]
    assert report.runs[0].status in {"failed", "partial"}
    assert fetching.values == [1.0, 3.0]


async def test_nothing_is_remembered_that_was_not_acknowledged(
    server: Server, fetching: Fetching
) -> None:
    server.replies = {"/numbers/a": [response(b"1")], "/numbers/b": [response(b"3")]}
    with pytest.raises(ExceptionGroup) as caught:
        await fetching.run(Collected(away_after=0))
    assert caught.group_contains(Transient)
    assert fetching.names == set()
    await fetching.run()
    assert fetching.values == [1.0, 3.0]


async def test_a_request_counts_as_had_when_all_its_pages_are(
    server: Server, fetching: Fetching
) -> None:
    server.replies = {
        "/numbers/a": [response(b"next /numbers/a2\n1", etag='"one page of two"')],
        "/numbers/a2": [response(b"x"), response(b"2")],
        "/numbers/b": [response(b"3")],
    }
    await fetching.run()
    assert fetching.names == {"b"}
    await fetching.run()
    assert fetching.names == {"a", "b", ""}
    assert fetching.values == [1.0, 3.0, 1.0, 2.0]
    await fetching.run()
    assert fetching.values == [1.0, 3.0, 1.0, 2.0]
    assert not any("if-none-match" in head for head in server.heads)


async def test_a_backfill_that_breaks_off_goes_on_where_it_was(
    server: Server, fetching: Fetching
) -> None:
    server.replies = {
        "/numbers/a": [unless_known(b"1", '"v1"')],
        "/numbers/b": [response(b"x"), response(b"3")],
    }
    assert (await fetching.run(since=SINCE)).exit_status == 1
    server.requests.clear()
    report = await fetching.run(since=SINCE)
    assert [asked.partition("?")[0] for asked in server.requests] == ["/numbers/b"]
    assert (report.exit_status, report.runs[0].planned) == (0, 1)
    assert fetching.values == [1.0, 3.0]
    assert fetching.names == set()
    await fetching.run(since=SINCE)
    assert fetching.values == [1.0, 3.0, 1.0, 3.0]


async def test_a_throttled_run_leaves_the_upstream_alone(
    server: Server, fetching: Fetching
) -> None:
    server.replies = {"/numbers/a": [response(b"slow down", 429, retry_after="3600")]}
    (run,) = (await fetching.run()).runs
    assert len(server.requests) == 1
    assert "1 requests were not sent" in run.failures[-1]
    assert run.rest_until is not None
    wait = run.rest_until - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=59) < wait <= dt.timedelta(hours=1)


async def test_a_replay_neither_reads_nor_moves_what_is_remembered(
    server: Server, fetching: Fetching, tmp_path: Path
) -> None:
    kept = fetching.settings.model_copy(update={"fetch_archive_dir": tmp_path / "kept"})
    fetching.settings = kept
    server.replies = {"/numbers/a": [response(b"1")], "/numbers/b": [response(b"3")]}
    await fetching.run()
    before = await fetching.states.recall("numbers")
    again = Collected()
    replaying = Fetcher(
        kept, again, states=fetching.states, registry=SourceRegistry([Numbers(server.address)])
    )
    await replaying.replay(tmp_path / "kept")
    assert len(again.values("fred_data")) == 2
    assert await fetching.states.recall("numbers") == before
