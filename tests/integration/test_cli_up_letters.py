"""Offsets and dead letters of the DuckDB file that a running `up` holds: through its door."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.control import find_running
from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.kafka import Producer, connect
from shared.record import Record
from shared.settings import Settings
from tests.command_line import Shell, one_line

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

LETTERS = "SELECT attempts, resolution FROM dead_letters"


async def publish(shell: Shell, *values: bytes) -> None:
    running = find_running(shell.folder / "data")
    assert running
    cluster = await connect(Settings(kafka_bootstrap_servers=running.kafka_bootstrap_servers))
    async with Producer(cluster) as producer:
        await producer.publish(Record("econ.fred_data", b"TEST", value) for value in values)


def run(shell: Shell, *arguments: str) -> Any:
    done = shell.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_the_commands_go_through_the_door(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    good = b'{"series_id": "TEST", "date": "2024-01-01", "value": 1.5}'
    with shell.up():
        await publish(shell, b"{", good)
        shell.await_rows([{"attempts": 1, "resolution": None}], LETTERS)
        (letter,) = run(shell, "dead-letters", "list")
        assert run(shell, "dead-letters", "replay", str(letter["id"]))["replayed"] == 1
        shell.await_rows([{"attempts": 2, "resolution": None}], LETTERS)
        assert run(shell, "dead-letters", "discard", str(letter["id"]))["discarded"] == 1
        shell.await_rows([{"attempts": 2, "resolution": "discarded"}], LETTERS)

        place = ("--partition", str(letter["partition"]))
        (shown,) = [row for row in run(shell, "offsets", "show", "fred") if row["end_offset"]]
        assert (shown["stored_offset"], shown["lag"], shown["state"]) == (3, 0, "caught up")
        (reset,) = run(shell, "offsets", "reset", "fred", "--to", "earliest", *place)
        assert (reset["from_offset"], reset["to_offset"], reset["read_again"]) == (3, 0, 3)
        again = "SELECT next_offset, epoch FROM consumer_offsets "
        again += f"WHERE topic = 'econ.fred_data' AND partition = {letter['partition']}"
        shell.await_rows([{"next_offset": 3, "epoch": 2}], again)
        refused = shell.run("offsets", "reset", "fred", "--to", "2026-01-01")
        assert refused.returncode == 78
        assert "embedded broker cannot look up offsets by time" in one_line(refused.stderr)
