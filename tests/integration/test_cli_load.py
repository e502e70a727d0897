"""`load --until-caught-up` as a user runs it: what it shows on a terminal, and into a pipe."""

import asyncio
import json
import os
import pty
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.command_line import Shell, one_line
from tests.loading import bar, produce, record


@pytest.fixture
def shell(tmp_path: Path, kafka_settings: Settings) -> Shell:
    given = json.loads(kafka_settings.model_dump_json(exclude_unset=True))
    group = {"LOADER_GROUP_ID": f"{kafka_settings.kafka_topic_prefix}load"}
    return Shell(tmp_path, {name.upper(): str(value) for name, value in given.items()} | group)


@pytest.mark.parametrize("module", ["services.cli", "services.loader"])
async def test_into_a_pipe_it_says_what_it_did(
    module: str, kafka_settings: Settings, shell: Shell
) -> None:
    records = [record(kafka_settings, bar(n)) for n in range(1_999)]
    await produce(kafka_settings, [*records, record(kafka_settings, b"{")])
    arguments = ["load"] if module == "services.cli" else []
    done = await asyncio.to_thread(shell.run, *arguments, "--until-caught-up", module=module)
    assert done.returncode == 0, done.stderr
    expected = "2000 records: 1999 new, 0 changed, 0 confirmed, 0 known, 1 dead letters"
    assert done.stdout.splitlines()[-1] == expected
    assert "\x1b" not in done.stdout + done.stderr


async def test_on_a_terminal_it_shows_a_bar(kafka_settings: Settings, shell: Shell) -> None:
    await produce(kafka_settings, (record(kafka_settings, bar(n)) for n in range(5_000)))
    status, shown = await asyncio.to_thread(_on_terminal, shell, ["load", "--until-caught-up"])
    assert status == 0, shown
    assert "\x1b[" in shown
    assert "5,000 records, " in shown
    assert " a second, 0 to go" in shown


async def test_a_paused_partition_ends_it_with_what_to_do(
    kafka_settings: Settings, shell: Shell
) -> None:
    newer = record(kafka_settings, bar(0))
    newer = newer._replace(headers=(*newer.headers, ("schema_version", b"7")))
    await produce(kafka_settings, [newer])
    done = await asyncio.to_thread(shell.run, "load", "--until-caught-up")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "offsets reset yfinance_ohlcv --to 1" in one_line(last)


def _on_terminal(shell: Shell, arguments: Sequence[str]) -> tuple[int, str]:
    """Run a command whose standard error is a terminal; return its status and what it showed."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [shell.python, "-m", "services.cli", *arguments],
        cwd=shell.folder,
        env=shell._environment({}) | {"TERM": "xterm", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=its,
    )
    os.close(its)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # so Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
    return process.wait(60), shown.decode(errors="replace")
