"""The running `up` is found by its file, and by its lock whether it lives."""

import datetime as dt
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.control import Running, claim, find_running
from shared.control.values import from_json, to_json
from shared.errors import ConfigError, Fatal, Transient
from tests.command_line import ROOT

RUNNING = Running(
    pid=os.getpid(),
    kafka_bootstrap_servers="127.0.0.1:9092",
    control_url="http://127.0.0.1:1",
    token="open-sesame",
    duckdb_path=Path("/data/x.duckdb"),
    api_url=None,
)
HOLDER = """
import sys, pathlib
from shared.control import claim
with claim(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_up(folder: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdin
    with process.stdout, process.stdin:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()
            process.wait(10)


def test_what_is_announced_is_found_and_gone_at_the_end(tmp_path: Path) -> None:
    assert find_running(tmp_path) is None
    with claim(tmp_path) as claimed:
        claimed.announce(RUNNING)
        assert find_running(tmp_path) == RUNNING
        mode = stat.S_IMODE((tmp_path / "up.json").stat().st_mode)
        assert mode == 0o600
        claimed.announce(Running(**{**vars_of(RUNNING), "api_url": "http://x"}))
        found = find_running(tmp_path)
        assert found
        assert found.api_url == "http://x"
        assert [path.name for path in tmp_path.iterdir()].count("up.json") == 1
    assert find_running(tmp_path) is None
    assert not (tmp_path / "up.json").exists()


def vars_of(running: Running) -> dict[str, Any]:
    return {name: getattr(running, name) for name in Running.__dataclass_fields__}


def test_the_token_is_not_shown_by_accident() -> None:
    assert "open-sesame" not in repr(RUNNING)


def test_a_second_up_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with (
        another_up(tmp_path) as other,
        pytest.raises(Fatal, match=f"as process {other.pid}"),
        claim(tmp_path),
    ):
        pytest.fail("two held one folder")


def test_a_file_left_behind_by_a_killed_up_is_passed_over(tmp_path: Path) -> None:
    with another_up(tmp_path) as other:
        # Another living process may have the pid by then: only the lock tells.
        document = vars_of(RUNNING) | {"pid": 1, "duckdb_path": None}
        (tmp_path / "up.json").write_text(json.dumps(document))
        assert find_running(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait(10)
        assert find_running(tmp_path) is None
    with claim(tmp_path):
        assert not (tmp_path / "up.json").exists()


def test_an_up_that_is_only_starting_is_no_missing_one(tmp_path: Path) -> None:
    with another_up(tmp_path) as other, pytest.raises(Transient, match=str(other.pid)):
        find_running(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"duckdb_path": 5}'])
def test_a_file_that_is_not_ours_is_not_believed(tmp_path: Path, text: str) -> None:
    with claim(tmp_path):
        (tmp_path / "up.json").write_text(text)
        with pytest.raises(Transient, match="try again"):
            find_running(tmp_path)


def test_looking_does_not_keep_an_up_from_starting(tmp_path: Path) -> None:
    for _ in range(20):
        with claim(tmp_path) as claimed:
            claimed.announce(RUNNING)
            assert find_running(tmp_path)
        assert find_running(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="DATA_DIR"), claim(tmp_path / "file" / "data"):
        pytest.fail("held in a file")


def test_a_folder_that_does_not_exist_holds_no_up_and_is_not_made(tmp_path: Path) -> None:
    assert find_running(tmp_path / "data") is None
    assert not (tmp_path / "data").exists()


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.dates()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.binary()
)


@given(st.lists(scalars | st.lists(scalars, max_size=3), max_size=5))
def test_parameters_arrive_as_they_were_sent(parameters: list[Any]) -> None:
    arrived = from_json(json.loads(json.dumps(to_json(parameters))))
    assert arrived == parameters
    assert [type(value) for value in arrived] == [type(value) for value in parameters]


@pytest.mark.parametrize("value", [object(), {"a": 1}, dt.datetime(2024, 1, 1)])  # noqa: DTZ001
def test_a_parameter_that_no_column_holds_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_json([value])


@pytest.mark.parametrize(
    "value", [5, [{"a": 1}], [{"$date": "x"}], [{"$date": "2024-01-01", "b": 1}], [{"$bytes": "%"}]]
)
def test_what_was_not_sent_by_us_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        from_json(value)
