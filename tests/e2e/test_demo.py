"""The demo as a newcomer runs it: offline, to its end, twice, and as a server."""

import csv
import io
import re
import signal
from pathlib import Path

import pandas as pd
import pytest

from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.registry import discover
from tests.command_line import Shell, get
from tests.e2e.recomputed import features
from tests.e2e.replayed import datasets_of_the_samples
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


def test_the_demo_shows_every_dataset_and_serves_the_same_when_run_again(shell: Shell) -> None:
    done = shell.run("demo", "--exit", timeout=WITHIN_SECONDS)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    counts = counted(done.stdout)
    assert sorted(counts) == NAMES
    assert all(counts[name] > 0 for name in datasets_of_the_samples()), counts
    assert stored(shell) == counts
    # Point in time: the first estimate of 2008's third quarter, as it was known that day.
    assert re.search(r"^2008-07-01\t14429\.2\t", done.stdout, re.MULTILINE), done.stdout
    assert "10 years\tDGS10\t" in done.stdout
    assert "2015-08-24\t40.74\t" in done.stdout
    assert not (shell.folder / "data/up.json").exists()

    with shell.started("demo", API_PORT="0") as demo:
        url = shell.await_announced(demo).api_url
        until_sync(lambda: f"{url}/docs" in demo.said or demo.ended, within=WITHIN_SECONDS)
        assert counted(demo.said) == counts
        assert stored(shell) == counts
        known = "series_id=GDP&start=2008-07-01&end=2008-07-01&as_of=2008-10-30&format=csv"
        [row] = csv.DictReader(io.StringIO(get(f"{url}/v1/data/fred_data?{known}")))
        assert float(row["value"]) == 14429.2
        for ticker in ("AAPL", "NVDA"):
            bars, told = (
                pd.read_csv(io.StringIO(get(f"{url}/v1/data/{name}?ticker={ticker}&format=csv")))
                for name in ("yfinance_ohlcv", "technical_features")
            )
            expected = features(bars)
            found = told.set_index("date")[list(expected.columns)]
            pd.testing.assert_frame_equal(found, expected, rtol=1e-9, check_dtype=False)
            assert len(found) > 30
        assert demo.end(signal.SIGINT) == 0
        assert "Traceback" not in demo.said
