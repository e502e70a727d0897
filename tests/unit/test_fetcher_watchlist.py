"""The watchlist: reading, editing without losing a comment, and what is wrong with a bad one."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.fetcher.answer import query_of
from services.fetcher.registry import discover
from services.fetcher.watchlist import follow
from services.fetcher.watchlist.file import (
    Watchlist,
    add_names,
    read_watchlist,
    remove_names,
    shipped,
)
from shared.errors import ConfigError
from shared.settings import Settings
from tests.waiting import until

NOWHERE = Path("no-folder/no-list.toml")
"""Where there is none, so that the one that ships is read."""
NAMES = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=20
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    copy = tmp_path / "watchlist.toml"
    copy.write_text(shipped())
    return copy


def test_the_default_watches_something_of_every_source() -> None:
    watchlist = read_watchlist(NOWHERE)
    keyed = Settings(fred_api_key=SecretStr("k" * 32))
    for source in discover():
        requests = source.requests(watchlist, keyed, None)
        assert requests
        assert all(source.matches(request.url) for request in requests)
        assert all(source.speaks_to(request.url) for request in requests)
        assert not any("k" * 32 in request.url for request in requests)


def test_adding_and_removing_keeps_comments_and_everything_else(path: Path) -> None:
    before = path.read_text()
    assert add_names(path, "fred", "series", ["GDP", "HOUST5F", " HOUST5F "]) == ["HOUST5F"]
    assert "HOUST5F" in read_watchlist(path).names("fred", "series")
    assert "# prices" in path.read_text()
    assert remove_names(path, "fred", "series", ["HOUST5F", "NOPE"]) == ["HOUST5F"]
    assert read_watchlist(path) == read_watchlist(NOWHERE)
    comments = [line for line in before.splitlines() if line.strip().startswith("#")]
    assert [c for c in comments if c not in path.read_text()] == []


def test_a_list_that_is_not_there_is_made(path: Path) -> None:
    assert add_names(path, "news", "feeds", ["https://example.org/rss"]) == [
        "https://example.org/rss"
    ]
    assert read_watchlist(path).names("news", "feeds") == ("https://example.org/rss",)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(NAMES), st.lists(NAMES))
def test_what_is_added_is_there_and_what_is_removed_is_not(
    tmp_path: Path, added: list[str], removed: list[str]
) -> None:
    path = tmp_path / "list.toml"
    path.write_text("[x]\nnames = []\n")
    add_names(path, "x", "names", added)
    remove_names(path, "x", "names", removed)
    left = [name for name in dict.fromkeys(added) if name not in removed]
    assert list(read_watchlist(path).names("x", "names")) == left


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[fred", "is not TOML"),
        ("fred = 1", "'fred' is no section"),
        ("[fred]\nseries = 'GDP'", r"fred\.series must be a list"),
        ("[fred]\nseries = [1.5]", "must be a text"),
        ("[fred]\nseries = ['']", "must be a text"),
        ("[fred]\nseries = ['a\\nb']", None),
    ],
)
def test_a_bad_watchlist_is_named_with_the_place(
    tmp_path: Path, text: str, why: str | None
) -> None:
    path = tmp_path / "watchlist.toml"
    path.write_text(text)
    if why is None:
        assert read_watchlist(path).names("fred", "series") == ("a\\nb",)
        return
    with pytest.raises(ConfigError, match=why) as caught:
        read_watchlist(path)
    assert str(path) in str(caught.value)


def test_a_watchlist_that_cannot_be_read_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set WATCHLIST"):
        read_watchlist(tmp_path)


def test_vintages_are_asked_for_where_they_are_watched(path: Path) -> None:
    source = discover().find("FRED")
    assert source is not None
    requests = source.requests(
        read_watchlist(path), Settings(fred_api_key=SecretStr("k" * 32)), None
    )
    asked = [query_of(request.url)["series_id"] for request in requests if "vintage" in request.url]
    assert asked == list(read_watchlist(path).names("fred", "vintages"))
    assert "GDP" in asked and "DGS10" not in asked


def test_fred_without_a_key_says_which_setting_is_missing(path: Path) -> None:
    source = discover().find("fred")
    assert source is not None
    with pytest.raises(ConfigError, match="set FRED_API_KEY"):
        source.requests(read_watchlist(path), Settings(), None)


async def test_a_file_that_is_made_is_followed_and_one_that_is_gone_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "_LOOK_EVERY_SECONDS", 0.01)
    path, stop = tmp_path / "watchlist.toml", asyncio.Event()
    seen: list[tuple[Watchlist, Watchlist]] = []
    with capture_logs() as lines:
        watched = follow.WatchedFile(path)
        async with asyncio.TaskGroup() as group:
            group.create_task(watched.follow(stop, lambda *both: seen.append(both)))
            path.write_text('[cboe]\nsymbols = ["VIX"]\n')
            own = read_watchlist(path)
            await until(lambda: watched.current == own)
            path.unlink()
            await until(lambda: "watchlist_gone" in [line["event"] for line in lines])
            stop.set()
    assert lines[0]["event"] == follow.SHIPPED
    assert watched.current == own
    assert seen[0][0] == read_watchlist(NOWHERE) and seen[-1][1] == own
