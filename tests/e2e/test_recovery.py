"""RECOVERY.md, run as it stands: topics lost and filled again, a database lost and loaded again."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.kafka import connect, delete_topics
from shared.registry import discover
from shared.settings import Settings
from tests.command_line import ROOT, Rows, Shell
from tests.services.search import Service

GUIDE = (ROOT / "docs/RECOVERY.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
VERSIONS = "SELECT series_id, date, value, as_of, confirmed_as_of, source FROM {} ORDER BY 1, 2, 4"
REVISED = (("1.5", "2026-01-01"), ("2.5", "2026-01-02"), ("2.5", "2026-01-03"), ("", "2026-01-04"))


@pytest.fixture
def shell(kafka: Service, topic_prefix: str, tmp_path: Path) -> Shell:
    """A folder to run the guide's commands in, with a database and topics that hold rows."""
    settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": topic_prefix}
    shell = Shell(tmp_path, settings | {"LOADER_GROUP_ID": f"{topic_prefix}loader"})
    for value, day in REVISED:
        row = f"series_id,date,value\nGDP,2025-07-01,{value}\n"
        assert shell.run("produce", "fred", "--as-of", day, text=row).returncode == 0
    assert shell.run("load", "--until-caught-up").returncode == 0
    return shell


def versions(shell: Shell) -> list[Rows]:
    return [shell.rows(VERSIONS.format(name)) for name in ("fred_data", "fred_data_revisions")]


def run(shell: Shell, block: str) -> str:
    """Run a block of the guide as it stands and return what it printed."""
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
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lose_topics(shell: Shell) -> None:
    async def lose() -> None:
        prefix = shell.settings["KAFKA_TOPIC_PREFIX"]
        cluster = await connect(
            Settings(kafka_bootstrap_servers=shell.settings["KAFKA_BOOTSTRAP_SERVERS"])
        )
        await delete_topics(cluster, [dataset.topic(prefix) for dataset in discover()])

    asyncio.run(lose())


def test_what_is_lost_comes_back_as_the_guide_says(shell: Shell) -> None:
    before = versions(shell)
    assert [row["value"] for row in (*before[1], *before[0])] == [1.5, 2.5, None]

    lose_topics(shell)
    counted, refilled = run(shell, BLOCKS[0]), run(shell, BLOCKS[1])
    assert "\t4\t0" in counted
    assert "\t4\t4" in refilled
    assert "4 records: 0 new, 0 changed, 0 confirmed, 4 known, 0 dead letters" in refilled
    assert versions(shell) == before

    (shell.folder / "data/econstream.duckdb").rename(shell.folder / "lost.duckdb")
    anew = run(shell, BLOCKS[2])
    assert "4 records: 1 new" in anew
    assert versions(shell) == before
    assert json.loads(shell.run("schema", "check", "--json").stdout) == []
