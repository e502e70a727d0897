"""PAUSED_PARTITIONS.md, run as it stands on a topic that holds a broken record."""

import os
import re
import subprocess
import sys
from pathlib import Path

from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings
from tests.command_line import ROOT, Shell

GUIDE = (ROOT / "docs/PAUSED_PARTITIONS.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
GOOD = b'{"series_id": "GDP", "date": "2025-07-01", "value": 1.5}'


def run(shell: Shell, block: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=shell.folder,
        env={"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(shell.folder)} | shell.settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_guide_does_what_it_says(kafka_settings: Settings, tmp_path: Path) -> None:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_settings.kafka_bootstrap_servers or "",
        "KAFKA_TOPIC_PREFIX": kafka_settings.kafka_topic_prefix,
        "LOADER_GROUP_ID": f"{kafka_settings.kafka_topic_prefix}loader",
    }
    shell = Shell(tmp_path, settings)
    cluster = await connect(kafka_settings)
    await ensure_topics(cluster, declared_topics(kafka_settings, discover()))
    topic = f"{kafka_settings.kafka_topic_prefix}fred_data"
    async with Producer(cluster) as producer:
        await producer.publish(Record(topic, b"GDP", value) for value in (GOOD, b"{"))
    assert shell.run("load", "--until-caught-up").returncode == 0
    letters, again, offsets, resets = BLOCKS
    assert "fred_data" in run(shell, letters)
    said = run(shell, again)
    assert "1 letters would be replayed: 1" in said
    assert "1 of 1 letters replayed" in said
    assert "0 new, 0 changed, 0 confirmed, 0 known, 1 dead letters" in said
    assert "1 of 1 letters discarded" in said
    assert "caught up" in run(shell, offsets)
    assert "nothing was changed" in run(shell, resets)
    (letter,) = shell.rows("SELECT attempts, resolution FROM dead_letters")
    assert letter == {"attempts": 2, "resolution": "discarded"}
