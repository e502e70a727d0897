"""The watchlist edited from the command line: names added and removed, all else as it was."""

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import application
from services.fetcher.watchlist.file import shipped
from shared.errors import ConfigError


@pytest.fixture
def watchlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "watchlist.toml"
    path.write_text(shipped())
    return path


def watch(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(application(), ["watch", *arguments])
    return result.exit_code, result.stdout


def listed(*arguments: str) -> list[tuple[str, str, str]]:
    status, said = watch("list", *arguments, "--json")
    assert status == 0
    return [(row["source"], row["list"], row["name"]) for row in json.loads(said)]


def test_a_name_is_watched_once_and_the_comments_stay(watchlist: Path) -> None:
    before = watchlist.read_text()
    assert watch("add", "FRED", "XYZ", "XYZ", "GDP")[0] == 0
    assert listed("fred").count(("fred", "series", "XYZ")) == 1
    assert listed("fred").count(("fred", "series", "GDP")) == 1
    comments = [line for line in before.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in watchlist.read_text().splitlines() if line in comments] == comments
    assert watch("remove", "fred", "XYZ")[0] == 0
    assert tomllib.loads(watchlist.read_text()) == tomllib.loads(before)


def test_other_lists_of_a_source_can_be_named(watchlist: Path) -> None:
    assert watch("add", "fred", "XYZ", "--list", "vintages")[0] == 0
    assert ("fred", "vintages", "XYZ") in listed()
    assert ("fred", "series", "XYZ") not in listed()


def test_releases_are_watched_by_their_numbers(watchlist: Path) -> None:
    watchlist.write_text("[fred]\nreleases = [53]\n")
    assert watch("add", "fred", "10", "53", "--list", "releases")[0] == 0
    assert listed() == [("fred", "releases", "53"), ("fred", "releases", "10")]
    assert watch("remove", "fred", "53", "--list", "releases")[0] == 0
    assert listed() == [("fred", "releases", "10")]


def test_removing_what_is_not_watched_fails_and_removes_the_rest(watchlist: Path) -> None:
    status, said = watch("remove", "yahoo", "SPY", "NOT-WATCHED")
    assert status == 1
    assert said == "yahoo: SPY removed\n"
    assert ("yahoo", "tickers", "SPY") not in listed("yahoo")


def test_lists_are_those_of_every_source(watchlist: Path) -> None:
    found = {source for source, _, _ in listed()}
    assert {"cboe", "fred", "yahoo"} <= found <= set(tomllib.loads(watchlist.read_text()))


def test_where_there_is_no_file_the_one_that_ships_counts_and_the_first_change_makes_it(
    watchlist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHLIST", "new/list.toml")
    made = watchlist.parent / "new" / "list.toml"
    listed = CliRunner().invoke(application(), ["watch", "list", "cboe", "--json"])
    assert "VIX" in [row["name"] for row in json.loads(listed.stdout)]
    assert str(made) in listed.stderr and "this is the list that ships" in listed.stderr
    added = CliRunner().invoke(application(), ["watch", "add", "fred", "XYZ"])
    assert added.stdout == "fred: XYZ added\n"
    assert f"{made} is made" in added.stderr
    wanted = tomllib.loads(shipped())
    wanted["fred"]["series"].append("XYZ")
    assert tomllib.loads(made.read_text()) == wanted
    again = CliRunner().invoke(application(), ["watch", "list"])
    assert again.stderr == "" and "\nfred\tseries\tXYZ\n" in again.stdout


def test_a_watchlist_that_cannot_be_made_is_told_with_its_place(
    watchlist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHLIST", f"{watchlist}/list.toml")
    failed = CliRunner().invoke(application(), ["watch", "add", "fred", "XYZ"])
    assert isinstance(failed.exception, ConfigError)
    assert "set WATCHLIST to" in str(failed.exception)
