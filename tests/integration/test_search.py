"""Searching FRED through the fetcher's own client, on a real server, and from the command line."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.cli.sources import searching
from services.fetcher.answer import UnreadableAnswer, UpstreamError, query_of
from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.search import Found
from services.fetcher.source import Source
from services.fetcher.upstreams.fred import asking as fred_asking
from shared.errors import ConfigError
from shared.settings import Settings
from tests.command_line import Shell, one_line
from tests.integration.misbehaving import Server, misbehaving, response

ROUTE = "/fred/series/search"
KEY = "k" * 32
UNRATE = {
    "id": "UNRATE",
    "realtime_start": "2026-01-02",
    "realtime_end": "2026-01-02",
    "title": "Unemployment Rate",
    "observation_start": "1948-01-01",
    "observation_end": "2025-11-01",
    "frequency": "Monthly",
    "frequency_short": "M",
    "units": "Percent",
    "units_short": "%",
    "seasonal_adjustment": "Seasonally Adjusted",
    "seasonal_adjustment_short": "SA",
    "last_updated": "2025-12-16 07:46:02-06",
    "popularity": 94,
    "group_popularity": 94,
    "notes": "The unemployment rate represents …",
}
ROW = ["UNRATE", "Unemployment Rate", "%", "M", "SA", "1948-01-01", "2025-11-01", 94]


def answered(*series: object, count: int | None = None) -> bytes:
    listed = {"count": len(series) if count is None else count, "offset": 0, "limit": 20}
    return response(json.dumps(listed | {"seriess": series}).encode())


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    async with misbehaving() as server:
        monkeypatch.setattr(fred_asking, "API", server.url("/fred/"))
        yield server


def local_client(_: object) -> HttpClient:
    return HttpClient({"127.0.0.1": 1_000.0}, limits=Limits(attempts=1), local=["127.0.0.1"])


async def search(source: str = "fred", text: str = "unemployment", limit: int = 5) -> Found:
    settings = Settings(fred_api_key=SecretStr(KEY))
    return await Fetcher(settings, None, client=local_client).search(source, text, limit)


async def test_what_is_found_is_told_with_what_it_is_watched_by(server: Server) -> None:
    server.replies[ROUTE] = [answered(UNRATE, {"id": "U6RATE"}, count=1_234)]
    found = await search(text="unemployment rate & more")
    assert list(found.rows) == [ROW, ["U6RATE", *[None] * 7]]
    assert found.total == 1_234
    asked = query_of(server.requests[0])
    assert asked["search_text"] == "unemployment rate & more"
    assert (asked["limit"], asked["api_key"], asked["file_type"]) == ("5", KEY, "json")


async def test_more_than_fred_gives_at_once_is_not_asked_for(server: Server) -> None:
    server.replies[ROUTE] = [answered()]
    assert (await search(limit=5_000)).rows == []
    assert query_of(server.requests[0])["limit"] == "1000"


@pytest.mark.parametrize(
    ("reply", "error", "why"),
    [
        (
            response(b'{"error_code": 400, "error_message": "Bad Request. not registered"}', 400),
            UpstreamError,
            "not registered",
        ),
        (response(b"<html>", 403), UpstreamError, "HTTP 403"),
        (response(b'{"count": 1}'), UnreadableAnswer, "seriess"),
        (answered({"title": "nameless"}), UnreadableAnswer, "without an id"),
        (answered("UNRATE"), UnreadableAnswer, "without an id"),
    ],
)
async def test_an_answer_that_is_none_is_an_error_without_the_key(
    server: Server, reply: bytes, error: type[Exception], why: str
) -> None:
    server.replies[ROUTE] = [reply]
    with pytest.raises(error, match=why) as raised:
        await search()
    assert KEY not in str(raised.value)


async def test_a_source_that_offers_no_search_says_so() -> None:
    with pytest.raises(ConfigError, match="yahoo cannot be searched"):
        await search("yahoo")


def test_the_command_prints_rows_and_how_to_watch_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Prepared(Fetcher):
        async def search(self, name: str, text: str, limit: int) -> Found:
            assert (name, text, limit) == ("fred", "unemployment rate", 20)
            return Found([ROW], 80)

    monkeypatch.setattr(searching, "Fetcher", Prepared)
    with pytest.raises(BaseException, match="0"):
        searching.run_search("FRED", "unemployment rate", 20, as_json=False)
    said = capsys.readouterr()
    assert said.out.splitlines()[1].startswith("UNRATE\tUnemployment Rate\t%")
    assert "1 of 80 found; add with: econstream watch add fred SERIES" in said.err


def test_without_a_key_it_ends_with_78_and_says_where_to_get_one(tmp_path: Path) -> None:
    done = Shell(tmp_path).run("search", "fred", "inflation")
    assert done.returncode == 78
    assert "FRED_API_KEY" in one_line(done.stderr)
    assert "free" in done.stderr


def test_a_source_is_searchable_or_not(tmp_path: Path) -> None:
    done = Shell(tmp_path).run("search", "cboe", "vix")
    assert done.returncode == 2
    assert "cboe cannot be searched: these can: fred" in " ".join(done.stderr.split())
    assert Source.search is None
