"""What a user sees when something is away or refuses: one line, what to do, and a status."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from services.cli.records.publishing import BATCH_ROWS
from shared.registry import discover
from tests.command_line import Shell, one_line
from tests.services.search import Service
from tests.waiting import until_sync

NOWHERE = "127.0.0.1:1"
SECRET = "hunter2-and-more"
BROKER_AWAY = {"KAFKA_BOOTSTRAP_SERVERS": NOWHERE}
DATABASE_AWAY = {
    "DATABASE_BACKEND": "postgresql",
    "DATABASE_URL": f"postgresql://someone:{SECRET}@{NOWHERE}/db",
}
ROWS = "series_id,date,value\n" + "".join(f"T,{1000 + n}-01-01,{n}\n" for n in range(9000))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize(
    "command", [["produce", "fred"], ["load"], ["fetch", "cboe"], ["up"], ["schema", "apply"]]
)
def test_a_broker_that_is_away_is_named(command: list[str], shell: Shell) -> None:
    done = shell.run(*command, text=ROWS, settings=BROKER_AWAY | {"LOG_LEVEL": "ERROR"})
    assert done.returncode == 1
    said = one_line(done.stderr)
    assert NOWHERE in said
    assert "KAFKA_BOOTSTRAP_SERVERS" in said


@pytest.mark.parametrize(
    "command", [["query", "SELECT 1"], ["schema", "check"], ["schema", "apply"], ["api"]]
)
def test_a_database_that_is_away_is_said_without_its_password(
    command: list[str], shell: Shell
) -> None:
    done = shell.run(*command, settings=DATABASE_AWAY)
    assert done.returncode == 1
    said = one_line(done.stderr)
    assert "DATABASE_URL" in said
    assert SECRET not in done.stdout + done.stderr


def test_a_database_that_does_not_exist_is_a_wrong_setting(
    shell: Shell, postgres_server: Service
) -> None:
    url = postgres_server.address.rpartition("/")[0] + "/no_such_database"
    settings = {"DATABASE_BACKEND": "postgresql", "DATABASE_URL": url}
    done = shell.run("query", "SELECT 1", settings=settings)
    assert done.returncode == 78
    assert "no_such_database" in one_line(done.stderr)


def test_a_file_that_is_no_database_is_said(shell: Shell) -> None:
    (shell.folder / "x.duckdb").write_bytes(b"not a database" * 1000)
    done = shell.run("query", "SELECT 1", settings={"DUCKDB_PATH": "x.duckdb"})
    assert done.returncode == 78
    assert "DUCKDB_PATH" in one_line(done.stderr)


def test_rows_are_checked_before_any_is_published(
    shell: Shell, kafka: Service, topic_prefix: str
) -> None:
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "KAFKA_TOPIC_PREFIX": topic_prefix,
        "LOADER_GROUP_ID": f"{topic_prefix}loader",
    }
    late = BATCH_ROWS + 1
    rows = [f"T{n},2024-01-01,{n}" for n in range(late)]
    text = "\n".join(["series_id,date,value", *rows, "BAD,2024-01-01,x", "BAD,2024-02-30,1"])
    refused = shell.run("produce", "fred", text=text, settings=settings)
    assert refused.returncode == 1
    assert refused.stdout == "0 rows published on " + f"{topic_prefix}fred_data, 2 refused\n"
    first, second, advice = refused.stderr.splitlines()
    assert f"line {late + 2}: value:" in first
    assert f"line {late + 3}: date:" in second
    assert "--skip-invalid" in advice

    skipped = shell.run("produce", "fred", "--skip-invalid", text=text, settings=settings)
    assert skipped.returncode == 1
    assert skipped.stdout.startswith(f"{late} rows published")
    loaded = shell.run("load", "--until-caught-up", settings=settings)
    assert loaded.returncode == 0, loaded.stderr
    assert f"{late} records: {late} new" in loaded.stdout
    stored = shell.rows("SELECT count(*) AS n, count(DISTINCT source) AS s FROM fred_data")
    assert stored == [{"n": late, "s": 1}]


def test_what_was_known_when_travels_with_the_rows(
    shell: Shell, kafka: Service, topic_prefix: str
) -> None:
    settings = {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": topic_prefix}
    shell.settings |= settings | {"LOADER_GROUP_ID": f"{topic_prefix}loader"}
    for as_of, value in (("2008-10-30", 14429.2), ("2009-01-30T13:30:00+01:00", 14412.8)):
        row = json.dumps({"series_id": "GDP", "date": "2008-07-01", "value": value})
        done = shell.run("produce", "fred_data", "--as-of", as_of, text=row)
        assert done.returncode == 0, done.stderr
    assert shell.run("load", "--until-caught-up").returncode == 0
    assert shell.rows("SELECT value, as_of FROM fred_data_versions ORDER BY as_of") == [
        {"value": 14429.2, "as_of": "2008-10-30T23:59:59.999999Z"},
        {"value": 14412.8, "as_of": "2009-01-30T12:30:00.000000Z"},
    ]


def test_topics_are_made_by_schema_apply(shell: Shell, kafka: Service, topic_prefix: str) -> None:
    shell.settings |= {"KAFKA_BOOTSTRAP_SERVERS": kafka.address, "KAFKA_TOPIC_PREFIX": topic_prefix}
    first, second = (shell.run("schema", "apply") for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr
    for name in discover().names():
        assert f"made {topic_prefix}{name} with 4 partitions" in first.stdout
    assert second.stdout == "duckdb: nothing to do\ntopics: nothing to do\n"


def test_ctrl_c_ends_a_long_query_at_once(shell: Shell) -> None:
    assert shell.run("schema", "apply").returncode == 0
    endless = "SELECT sum(a.i * b.i) FROM range(10000000) AS a (i), range(10000000) AS b (i)"
    with shell.started("query", endless, DATA_DIR="data") as query:
        held = shell.folder / "data/econstream.duckdb"
        until_sync(lambda: str(held) in _open_files(query.process.pid), within=20)
        assert query.end(signal.SIGINT) == 1
        assert query.said == ""


def _open_files(pid: int) -> list[str]:
    return [file.path for file in psutil.Process(pid).open_files()]


def test_whoever_reads_our_output_may_leave_early(shell: Shell) -> None:
    assert shell.run("schema", "apply").returncode == 0
    command = ["query", "SELECT i FROM range(20000000) AS r (i)", "--format", "csv"]
    with shell.piped(*command) as query:
        assert query.stdout
        assert query.stderr
        assert query.stdout.readline() == b"i\n"
        query.stdout.close()
        assert query.wait(20) == 1
        assert query.stderr.read() == b""
