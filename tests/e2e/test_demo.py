"""The demo as a newcomer runs it: offline, to its end, twice, and as a server."""

import csv
import io
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.registry import discover
from tests.command_line import Shell
from tests.waiting import until_sync

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

WITHIN_SECONDS = 120.0
NAMES = discover().names()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, {"DUCKDB_PATH": "data/demo.duckdb"})


def counted(said: str) -> dict[str, int]:
    """Return the rows of each dataset, as the demo prints them."""
    return {name: int(rows) for name, rows in re.findall(r"^(\w+)\t(\d+)\t", said, re.MULTILINE)}


def stored(shell: Shell) -> dict[str, int]:
    parts = [f"SELECT '{name}' AS name, count(*) AS rows FROM {name}" for name in NAMES]
    return {row["name"]: row["rows"] for row in shell.rows(" UNION ALL ".join(parts))}


def test_the_demo_ends_with_rows_in_every_dataset_and_the_same_again(shell: Shell) -> None:
    counts = []
    for _ in range(2):
        done = shell.run("demo", "--exit", timeout=WITHIN_SECONDS)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        said = counted(done.stdout)
        assert sorted(said) == NAMES
        assert all(rows > 0 for rows in said.values()), said
        assert stored(shell) == said
        counts.append(said)
        # Point in time: the first estimate of 2008's third quarter, as it was known that day.
        assert re.search(r"^2008-07-01\t14429\.2\t", done.stdout, re.MULTILINE), done.stdout
        assert "10 years\tDGS10\t" in done.stdout
        assert "2015-08-24\t40.74\t" in done.stdout
        assert not (shell.folder / "data/up.json").exists()
    assert counts[0] == counts[1]


def test_the_demo_serves_what_it_has_stored_until_ctrl_c(shell: Shell) -> None:
    with shell.started("demo", API_PORT="0") as demo:
        announced = shell.await_announced(demo)
        url = announced["api_url"]
        assert url.startswith("http://127.0.0.1:")
        until_sync(lambda: f"{url}/docs" in demo.said or demo.ended, within=WITHIN_SECONDS)
        asked = f"{url}/v1/data/fred_data?series_id=GDP&start=2008-07-01&end=2008-07-01&format=csv"
        with urllib.request.urlopen(f"{asked}&as_of=2008-10-30", timeout=10) as answer:
            [row] = csv.DictReader(io.TextIOWrapper(answer, "utf-8"))
        assert float(row["value"]) == 14429.2
        found = shell.rows("SELECT count(*) AS n FROM fred_data")
        assert found == [{"n": counted(demo.said)["fred_data"]}]
        assert demo.end(signal.SIGINT) == 0
        assert "Traceback" not in demo.said
