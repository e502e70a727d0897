"""POSTGRES_MIGRATION.md, run as it stands, on a small database."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

from shared.database.transfer.older import OLDER_NAMES
from shared.registry import discover
from shared.settings import Settings
from tests.batches import Feed, at, opened
from tests.command_line import ROOT, Shell

GUIDE = (ROOT / "docs/POSTGRES_MIGRATION.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_lists_the_earlier_names() -> None:
    listed = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", GUIDE, re.MULTILINE)
    assert listed == [
        (t, old, new) for t, names in OLDER_NAMES.items() for old, new in names.items()
    ]


def test_every_command_does_what_the_guide_says(tmp_path: Path, postgres_url: str) -> None:
    path = tmp_path / "data" / "econstream.duckdb"
    asyncio.run(_fill(Settings(duckdb_path=path)))
    shell = Shell(tmp_path, {"DATABASE_URL": postgres_url})
    before = shell.run("query", QUESTION).stdout
    said = [_run(shell, block) for block in BLOCKS]
    assert len(said) == 9
    assert "fred_data\t3\t\n" in said[0]
    assert "fred_data\t4\t4\t0\t0\t4\t0\t0\t0\n" in said[2]
    assert "fred_data\t4\t0\t0\t0\t4\t0\t0\t0\n" in said[3]
    assert (tmp_path / "after.csv").read_text() == before
    # The last run is that of "part of it", which had nothing to store.
    assert "fred_data\t0\t0\t0\n" in said[6]
    assert "fred_data\t4\t0\t0\t0\t4\t0\t0\t0\n" in said[7]
    assert "fred_data\t4\t0\t0\t0\t4\t0\t0\t0\n" in said[8]


QUESTION = "SELECT series_id, date, value FROM fred_data ORDER BY series_id, date"


async def _fill(settings: Settings) -> None:
    async with opened(settings, discover()) as database:
        feed = Feed(database, discover()["fred_data"])
        await feed.claim()
        for minute, value in ((0, 1.5), (5, 0.1 + 0.2)):
            day = at(0).date()
            row = {"series_id": "GDP", "date": day, "value": value}
            await feed.write([(row, at(minute))])
        for name, nothing in (("A", None), ("Z", -0.0)):
            row = {"series_id": name, "date": at(0).date(), "value": nothing}
            await feed.write([(row, at(9))])


def _run(shell: Shell, block: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=shell.folder,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": os.environ.get("HOME", "/"),
            **shell.settings,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
