"""The command line: its commands are found, explained, and cost nothing until one is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import application
from shared.registry import discover
from tests.command_line import ROOT, Shell, one_line

COMMANDS = sorted(
    path.stem.replace("_", "-")
    for path in (ROOT / "services/cli/commands").glob("*.py")
    if path.stem != "__init__"
)
GROUPS = {
    "dead-letters": ["list", "show", "replay", "discard"],
    "keys": ["create", "list", "revoke"],
    "offsets": ["show", "reset"],
    "schema": ["sql", "json", "apply", "check"],
    "watch": ["add", "remove", "list"],
}
HEAVY = ("aiokafka", "asyncpg", "duckdb", "fastapi", "httpx", "pandas", "pyarrow", "rich")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def help_of(*path: str) -> str:
    result = CliRunner().invoke(application(), [*path, "--help"], prog_name="econstream")
    assert result.exit_code == 0, result.output
    return result.output


def test_the_promised_commands_are_there() -> None:
    promised = {"up", "demo", "fetch", "load", "api", "produce", "query", "datasets", "sources"}
    assert {*promised, "schema", "watch", "doctor"} <= set(COMMANDS)


@pytest.mark.parametrize("module", ["services.cli", "services.fetcher"])
def test_an_unknown_source_is_wrong_usage_by_either_door(module: str, shell: Shell) -> None:
    arguments = ["fetch", "nope"] if module == "services.cli" else ["nope"]
    done = shell.run(*arguments, "--once", "--dry-run", module=module)
    assert done.returncode == 2
    assert "nope" in done.stderr
    assert "cboe" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_each_command_and_shows_examples(command: str) -> None:
    assert f"\n  {command} " in help_of()
    explained = [help_of(command, sub) for sub in GROUPS.get(command, [])] or [help_of(command)]
    if command not in GROUPS:
        assert f"econstream {command}" in explained[0].partition("Example")[2]


@pytest.mark.parametrize("group", GROUPS)
def test_each_subcommand_is_told_whole_and_shows_an_example(group: str) -> None:
    listed = help_of(group)
    for name in GROUPS[group]:
        assert f"\n  {name} " in listed
        assert f"econstream {group} {name}" in help_of(group, name).partition("Example")[2]
    assert "..." not in listed.partition("Commands:")[2]


def test_commands_stand_in_order_of_name() -> None:
    listed = re.findall(r"^  ([a-z-]+) ", help_of().partition("Commands:")[2], re.MULTILINE)
    assert listed == sorted(listed) == COMMANDS


def test_help_waits_for_no_heavy_import() -> None:
    script = (
        "import sys; from services.cli.app import application; application();"
        f"print(sorted(set(sys.modules) & set({HEAVY})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no-such-command"], "no-such-command"),
        (["query"], "SQL"),
        (["query", "SELECT 1", "--format", "xml"], "xml"),
        (["datasets", "nope"], "fred_data"),
        (["sources", "nope"], "yahoo"),
        (["produce", "nope"], "yfinance_ohlcv"),
        (["produce", "fred", "missing.csv"], "missing.csv"),
        (["produce", "fred", "--as-of", "yesterday", "--dry-run"], "yesterday"),
        (["produce", "fred", "--as-of", "2999-01-01T00:00:00Z", "--dry-run"], "48 hours"),
        (["fetch", "nope", "--once"], "cboe"),
        (["fetch", "--since", "2024-13-01", "--once"], "2024-13-01"),
        (["fetch", "--dry-run"], "--once"),
        (["fetch", "--since", "2024-01-13", "--replay", "."], "--replay"),
        (["fetch", "--replay", "missing"], "missing"),
        (["watch", "add", "nope", "X"], "yahoo"),
        (["watch", "add", "fred", "X", "--list", "nope"], "vintages"),
        (["schema", "sql", "nope"], "fred_data"),
        (["republish"], "--all"),
        (["republish", "fred", "--all"], "--all"),
        (["republish", "nope"], "fred_data"),
        (["republish", "fred", "--since", "lately"], "lately"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_what_is_wrong(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shell(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(application(), arguments, prog_name="econstream")
    assert result.exit_code == 2, result.output
    assert named in result.output


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"DATABASE_BACKEND": "mysql"}, "DATABASE_BACKEND"),
        ({"API_PORT": "ninety"}, "API_PORT"),
        ({"LOADER_DEAD_LETTER_LIMIT": "2"}, "LOADER_DEAD_LETTER_LIMIT"),
        ({"FRED_API_KEY_FILE": "/nowhere/key"}, "FRED_API_KEY_FILE"),
    ],
)
def test_a_wrong_setting_ends_with_78_and_one_line(
    settings: dict[str, str], named: str, shell: Shell
) -> None:
    done = shell.run("datasets", settings=settings)
    assert done.returncode == 78
    assert named in one_line(done.stderr)


@pytest.mark.parametrize(
    "command", [["produce", "fred"], ["fetch", "cboe"], ["load"], ["republish", "fred"]]
)
def test_without_any_broker_a_command_ends_with_78_and_says_what_to_do(
    command: list[str], shell: Shell
) -> None:
    done = shell.run(*command)
    assert done.returncode == 78
    said = one_line(done.stderr)
    assert "KAFKA_BOOTSTRAP_SERVERS" in said
    assert "econstream up" in said
    assert not (shell.folder / "data").exists()


def test_a_source_without_its_key_ends_with_78_before_any_connection(shell: Shell) -> None:
    done = shell.run("fetch", "fred", "--once", settings={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert done.returncode == 78
    assert "FRED_API_KEY" in one_line(done.stderr)


def test_listings_are_json_where_it_is_asked_for_and_plain_lines_in_a_pipe(shell: Shell) -> None:
    plain = shell.run("datasets").stdout.splitlines()
    assert plain[0].split("\t")[0] == "dataset"
    assert [line.split("\t")[0] for line in plain[1:]] == discover().names()
    described = shell.run("datasets", "fred", "--json").stdout
    assert '"topic": "econ.fred_data"' in described
    assert "\x1b" not in described + "".join(plain)
