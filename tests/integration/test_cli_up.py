"""`up` as a process: found by the other commands, refusing a second, ending cleanly."""

import datetime as dt
import json
import os
import signal
import socket
import stat
import urllib.request
from itertools import islice
from pathlib import Path

import psutil
import pytest

from shared.database import DatabaseConnection
from shared.embedded import find_binary
from shared.errors import ConfigError
from shared.settings import Settings
from tests.command_line import SAMPLES, Rows, Running, Shell, get, one_line
from tests.waiting import until_sync

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

ROWS = "series_id,date,value\nTEST,2024-01-01,1.5\nTEST,2024-01-02,\n"
STORED = "SELECT date, value FROM fred_data WHERE series_id = 'TEST' ORDER BY date"
AS_STORED: Rows = [{"date": "2024-01-01", "value": 1.5}, {"date": "2024-01-02", "value": None}]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def await_stored(shell: Shell) -> None:
    shell.await_rows([{"n": 2}], "SELECT count(*) AS n FROM fred_data")
    assert shell.rows(STORED) == AS_STORED


def notebook_reads(shell: Shell) -> None:
    """A notebook reads what is stored through `up`, and is told why it cannot write."""
    await_stored(shell)
    settings = Settings(
        data_dir=shell.folder / "data", duckdb_path=shell.folder / "data" / "econstream.duckdb"
    )
    with DatabaseConnection(settings) as db:
        found = db.query("SELECT date, value FROM fred_data WHERE date > $1", [dt.date(2024, 1, 1)])
        assert [str(kind) for kind in found.dtypes] == ["datetime64[ms]", "Float64"]
        assert found["value"].isna().tolist() == [True]
        assert db.table_exists("fred_data")
        with pytest.raises(ConfigError, match="held by a running `econstream up`"):
            db.execute("DELETE FROM fred_data")
        with pytest.raises(ConfigError, match="held by a running `econstream up`"):
            db.insert_df("fred_data", found)
        with (
            pytest.raises(ConfigError, match="held by a running `econstream up`"),
            db.transaction(),
        ):
            raise AssertionError("a transaction was lent")


def test_other_commands_find_the_running_up(shell: Shell) -> None:
    with shell.up() as up:
        announced = shell.await_announced(up)
        assert announced.pid == up.process.pid
        path = shell.folder / "data/up.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert announced.token not in up.said

        assert announced.api_url
        stream = f"{announced.api_url}/v1/data/fred_data/stream"
        with urllib.request.urlopen(stream, timeout=60) as events:  # noqa: S310 - our own
            produced = shell.run("produce", "fred", text=ROWS)
            assert (produced.returncode, produced.stdout.split()[0]) == (0, "2"), produced.stderr
            told = (json.loads(line[6:]) for line in events if line.startswith(b"data: "))
            assert [row["value"] for row in islice(told, 2)] == [1.5, None]
        await_stored(shell)
        assert announced.api_url in up.said
        assert json.loads(get(f"{announced.api_url}/health/ready"))["status"] == "ready"

        again = shell.run("republish", "fred", "--json")
        [filled] = json.loads(again.stdout)
        assert (filled["records"], filled["published"]) == (2, 2), again.stderr

        assert shell.run("schema", "check").returncode == 0
        applied = shell.run("schema", "apply")
        assert (applied.returncode, applied.stdout.count("nothing to do")) == (0, 2)
        refused = shell.run("query", "DELETE FROM fred_data")
        assert refused.returncode == 1
        assert "reads" in one_line(refused.stderr)
        notebook_reads(shell)
        for command in (["up"], ["demo", "--exit"], ["load"], ["api"]):
            second = shell.run(*command)
            assert second.returncode == 1, second.stderr
            assert str(up.process.pid) in one_line(second.stderr)

        assert up.end(signal.SIGINT) == 0
        assert not path.exists()
        assert "Traceback" not in up.said

    assert shell.rows(STORED) == AS_STORED
    alone = shell.run("produce", "fred", text=ROWS)
    assert alone.returncode == 78


def test_doctor_says_what_runs_and_what_fails(shell: Shell) -> None:
    def examined(**settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
        done = shell.run("doctor", "--json", settings={"API_PORT": "0"} | settings)
        found = json.loads(done.stdout)
        return done.returncode, {row["check"]: (row["status"], row["detail"]) for row in found}

    status, before = examined(FETCH_SOURCES="cboe")
    assert status == 0, before
    assert before["broker"][0] == before["database"][0] == before["pepper"][0] == "skipped"
    assert not (shell.folder / "data").exists()
    with shell.up():
        assert shell.run("keys", "create", "--scope", "read").returncode == 0
        status, checks = examined(FETCH_SOURCES="cboe,yahoo")
        assert status == 0, checks
        for name in ("up", "broker", "topics", "database", "schema", "pepper", "source cboe"):
            assert checks[name][0] == "ok", checks[name]
        status, checks = examined(
            KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", API_KEY_PEPPER="another pepper of the tests"
        )
        assert status == 1
        assert "KAFKA_BOOTSTRAP_SERVERS" in checks["broker"][1]
        assert "1 of 1 keys" in checks["pepper"][1]
        assert "FRED_API_KEY" in checks["source fred"][1]


def test_a_killed_up_leaves_nothing_in_the_way(shell: Shell) -> None:
    with shell.up() as up:
        assert shell.run("produce", "fred", text=ROWS).returncode == 0
        await_stored(shell)
        children = psutil.Process(up.process.pid).children(recursive=True)
        assert children
        up.end(signal.SIGKILL)
        assert (shell.folder / "data/up.json").exists()
        psutil.wait_procs(children, 10)
        assert not [child for child in children if child.is_running()]

    assert shell.run("produce", "fred", text=ROWS).returncode == 78
    assert shell.rows(STORED) == AS_STORED
    with shell.up() as again:
        await_stored(shell)
        assert again.end(signal.SIGTERM) == 0


def test_up_replays_an_archive_once(shell: Shell) -> None:
    count = "SELECT count(*) AS n FROM data_refresh_log WHERE status = 'success'"
    vix = "SELECT count(*) > 1000 AS many FROM cboe_vix_history"
    for _ in range(2):
        with shell.up(FETCH_SOURCES="cboe", FETCH_REPLAY_DIR=str(SAMPLES)) as up:
            shell.await_rows([{"many": True}], vix)
            shell.await_rows([{"n": 1}], count)
            assert up.end() == 0


def test_a_port_that_is_taken_is_named(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = {"API_PORT": port, "LOG_LEVEL": "ERROR", "FETCH_SOURCES": "cboe"}
        for command in (["up"], ["demo"], ["api"]):
            done = shell.run(*command, settings=settings)
            assert done.returncode == 78
            said = one_line(done.stderr)
            assert port in said
            assert "API_PORT" in said
            assert not (shell.folder / "data/up.json").exists()


def test_up_ends_when_its_broker_does(shell: Shell) -> None:
    with shell.up(LOG_LEVEL="ERROR") as up:
        [broker] = psutil.Process(up.process.pid).children()
        broker.kill()
        assert up.process.wait(15) == 1
        assert "broker.log" in up.said
        assert "Traceback" not in up.said
    assert not (shell.folder / "data/up.json").exists()


@pytest.mark.parametrize("command", [["up"], ["demo", "--exit"]])
def test_up_and_demo_say_when_the_data_folder_cannot_be_had(
    command: list[str], shell: Shell
) -> None:
    (shell.folder / "data").write_text("in the way")
    done = shell.run(*command)
    assert done.returncode == 78
    assert "DATA_DIR" in one_line(done.stderr)


def test_ctrl_c_before_everything_stands_ends_it_too(shell: Shell) -> None:
    with shell.started("up", API_PORT="0", FETCH_SOURCES="cboe") as up:
        until_sync((shell.folder / "data/up.lock").exists, within=20)
        assert up.end(signal.SIGINT) in (0, 1)
        assert "Traceback" not in up.said
    assert not (shell.folder / "data/up.json").exists()
    assert not _holders(up)


def _holders(up: Running) -> list[psutil.Process]:
    folder = os.fspath(up.log.parent)
    return [p for p in psutil.process_iter() if "tansu" in p.name() and folder in _cwd(p)]


def _cwd(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""
