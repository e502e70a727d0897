"""`migrate`, `backup` and `restore` as a user runs them: killed, refused, repeated."""

import asyncio
import itertools
import json
import pickle
import random
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pandas as pd
import pytest

from shared.database.base import Database
from shared.database.factory import create_database
from shared.registry import discover
from shared.settings import Settings
from tests.batches import Feed, at, opened
from tests.command_line import ROOT, Shell, one_line

BARS = discover()["yfinance_ohlcv"]
FRED = discover()["fred_data"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file of a few thousand rows."""
    path = tmp_path_factory.mktemp("filled") / "source.duckdb"
    asyncio.run(_fill(Settings(duckdb_path=path)))
    return path


@pytest.fixture
def shell(filled: Path, tmp_path: Path, postgres_url: str) -> Shell:
    """A folder with a copy of that file, and the URL of an empty PostgreSQL."""
    path = tmp_path / "data" / "source.duckdb"
    path.parent.mkdir()
    shutil.copy(filled, path)
    return Shell(tmp_path, {"DUCKDB_PATH": str(path), "DATABASE_URL": postgres_url})


async def _fill(settings: Settings) -> None:
    async with opened(settings, discover()) as database:
        feed = Feed(database, FRED)
        await feed.claim()
        day = pd.Timestamp("2000-01-01")
        for known in (0, 60):
            rows = [
                {"series_id": f"S{n % 7}", "date": (day + pd.Timedelta(days=n)).date(),
                 "value": None if n % 11 == 0 else n / 7 + known * (n % 3)}
                for n in range(3000)
            ]  # fmt: skip
            await feed.write([(row, at(known)) for row in rows])
        await database.execute("UPDATE consumer_offsets SET topic = 'econ.fred_data'")


async def versions(settings: Settings) -> list[Any]:
    database = create_database(settings, application="test")
    await database.open()
    try:
        return [await _table(database, name) for name in ("fred_data", "fred_data_revisions")]
    finally:
        await database.close()


async def _table(database: Database, name: str) -> list[Any]:
    found = await database.fetch(f"SELECT * FROM {name} ORDER BY series_id, date, as_of")
    return found.to_pylist()  # type: ignore[no-any-return]


def both(shell: Shell) -> tuple[list[Any], list[Any]]:
    url = shell.settings["DATABASE_URL"]
    source = Settings(duckdb_path=Path(shell.settings["DUCKDB_PATH"]))
    target = Settings(database_backend="postgresql", database_url=url)
    return asyncio.run(versions(source)), asyncio.run(versions(target))


def test_killed_at_any_moment_it_goes_on_and_ends_identical(shell: Shell) -> None:
    script = str(ROOT / "scripts" / "migrate_to_postgres.py")
    command = [sys.executable, script, "--batch-rows", "150", "--json"]
    chance = random.Random(7)
    kills = 0
    while kills < 3:
        process = subprocess.Popen(
            command, cwd=shell.folder, env=shell._environment({}),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if b"moving fred_data" in line:
                break
        try:
            process.wait(chance.uniform(0, 0.6))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
    done = shell.run("migrate", "--json", timeout=120)
    assert done.returncode == 0, done.stderr
    assert "verified" in done.stderr
    source, target = both(shell)
    assert source == target
    assert len(source[0]) == 3000
    again = shell.run("migrate", "--json", timeout=120)
    assert again.returncode == 0
    assert {row["stored"] for row in json.loads(again.stdout)} == {0}
    assert both(shell)[1] == target


def test_a_backup_of_either_database_is_restored_into_either(shell: Shell) -> None:
    assert shell.run("backup", "saved").returncode == 0
    shell.settings["DATABASE_BACKEND"] = "postgresql"
    done = shell.run("restore", "saved", timeout=120)
    assert done.returncode == 0, done.stderr
    source, target = both(shell)
    assert source == target
    epochs = "SELECT topic, epoch, next_offset FROM consumer_offsets"
    [position] = shell.rows(epochs)
    assert position == {"topic": "econ.fred_data", "epoch": 2, "next_offset": 6000}
    again = shell.run("restore", "saved", "--json", timeout=120)
    assert {row["stored"] for row in json.loads(again.stdout)} == {0}
    assert shell.rows(epochs) == [position]
    assert shell.run("backup", "again").returncode == 0
    assert shell.run("backup", "again").returncode == 1
    shell.settings |= {"DATABASE_BACKEND": "duckdb", "DUCKDB_PATH": str(shell.folder / "new")}
    done = shell.run("restore", "again", timeout=120)
    assert done.returncode == 0, done.stderr
    assert both(shell)[0] == target
    damaged = next(shell.folder.glob("again/fred_data/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    refused = shell.run("restore", "again")
    assert (refused.returncode, damaged.name in refused.stderr) == (1, True)


def test_the_way_back_takes_the_same_options(shell: Shell) -> None:
    assert shell.run("migrate", "--no-verify", "--verify-only").returncode == 2
    there = shell.run("migrate", "--no-verify", "--tables", "fred_data", "--json", timeout=120)
    assert (there.returncode, "not verified" in there.stderr) == (0, True), there.stderr
    assert [(row["stored"], row["missing"]) for row in json.loads(there.stdout)] == [(4818, None)]
    path = shell.folder / "back.duckdb"
    shell.settings["DUCKDB_PATH"] = str(path)
    back = ("migrate", "--to", "duckdb", "--tables", "fred_data", "--json")
    looked = shell.run(*back, "--dry-run", timeout=120)
    assert [row["target_rows"] for row in json.loads(looked.stdout)] == [None, None]
    assert shell.run(*back, "--verify-only", timeout=120).returncode == 1
    assert not path.exists()
    late = shell.run(*back, "--since", "2026-01-01T13:00:00Z", "--batch-rows", "700", timeout=120)
    assert [row["stored"] for row in json.loads(late.stdout)] == [3000], late.stderr
    rest = shell.run(*back, timeout=120)
    [moved] = json.loads(rest.stdout)
    assert (moved["source_rows"], moved["missing"], rest.returncode) == (4818, 0, 0)
    source, target = both(shell)
    for row in itertools.chain(*source, *target):
        del row["updated_at"]  # what joins the versions of a key does so now
    assert source == target


def _of_a_newer_duckdb(path: Path) -> None:
    """Let the file's header say that its format is one that is not known yet."""
    file = bytearray(path.read_bytes())
    file[12:20] = struct.pack("<Q", 12_345)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", file[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    file[:8] = struct.pack("<Q", checksum)
    path.write_bytes(file)


async def _without_rights(shell: Shell) -> None:
    """Lead the settings to a user that may connect, and no more."""
    url = urlsplit(shell.settings["DATABASE_URL"])
    user = url.path.removeprefix("/test_")
    connection = await asyncpg.connect(shell.settings["DATABASE_URL"])
    await connection.execute(f"CREATE ROLE reader_{user} LOGIN PASSWORD 'x'")
    await connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await connection.close()
    host = url.netloc.rpartition("@")[2]
    shell.settings["DATABASE_URL"] = urlunsplit(url._replace(netloc=f"reader_{user}:x@{host}"))


BAD: dict[str, tuple[Callable[[Shell], Any], int, str]] = {
    "not a DuckDB file": (
        lambda shell: Path(shell.settings["DUCKDB_PATH"]).write_bytes(b"SQLite format 3" * 99),
        78, "cannot be opened as a DuckDB file",
    ),
    "absent": (lambda shell: Path(shell.settings["DUCKDB_PATH"]).unlink(), 78, "does not exist"),
    "away": (
        lambda shell: shell.settings.update(DATABASE_URL="postgresql://127.0.0.1:1/x"),
        1, "check DATABASE_URL",
    ),
    "another schema": (
        lambda shell: asyncio.run(_execute(shell, "CREATE TABLE fred_data (n int)")),
        78, "cannot be extended to fit",
    ),
    "of a newer DuckDB": (
        lambda shell: _of_a_newer_duckdb(Path(shell.settings["DUCKDB_PATH"])),
        78, "use the econstream that wrote it",
    ),
    "without rights": (
        lambda shell: asyncio.run(_without_rights(shell)),
        78, "run `econstream schema apply` as their owner",
    ),
    "another version": (
        lambda shell: asyncio.run(_alter(shell, "ALTER TABLE fred_data ADD COLUMN odd INTEGER")),
        78, "does not know",
    ),
}  # fmt: skip


async def _execute(shell: Shell, sql: str) -> None:
    connection = await asyncpg.connect(shell.settings["DATABASE_URL"])
    await connection.execute(sql)
    await connection.close()


async def _alter(shell: Shell, sql: str) -> None:
    settings = Settings(duckdb_path=Path(shell.settings["DUCKDB_PATH"]))
    database = create_database(settings, application="test")
    await database.open()
    await database.execute("DROP VIEW fred_data_versions")
    await database.execute(sql)
    await database.close()


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_moved_is_said_in_a_line(shell: Shell, name: str) -> None:
    spoil, status, said = BAD[name]
    spoil(shell)
    ran = shell.run("migrate")
    assert ran.returncode == status, ran.stderr
    assert said in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1, ran.stderr


def test_a_file_that_another_process_holds_is_said_in_a_line(shell: Shell) -> None:
    opening = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", opening, shell.settings["DUCKDB_PATH"]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        holder.stdout.readline()
        ran = shell.run("migrate")
        holder.communicate(b"\n", timeout=60)
    assert (ran.returncode, "is held by another process" in one_line(ran.stderr)) == (78, True)


class Hostile:
    """What runs a command where it is unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("owned"),)


def test_pickled_frames_of_earlier_programs_are_moved(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(shell.settings["DUCKDB_PATH"]).unlink()
    folder = shell.folder / "data"
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    bars = pd.DataFrame(
        {"Symbol": "SPY", "Open": 1.5, "High": 2.0, "Low": 1.0, "Close": [1.7, float("nan"), 1.9],
         "Adj Close": 1.6, "Volume": [10, 20, 2**60], "notes": "x"},
        index=pd.Index(days, name="Date"),
    )  # fmt: skip
    bars.to_pickle(folder / "yfinance_ohlcv.pkl")
    pd.DataFrame(
        {"series": ["GDP", None], "observation_date": ["2024-01-01", "2024-04-01"],
         "value": ["1.5", "2"], "fetched_at": pd.Timestamp("2024-05-01 12:00")}
    ).to_pickle(folder / "fred_data.pkl")  # fmt: skip
    done = shell.run("migrate", timeout=120)
    assert done.returncode == 1, done.stderr
    assert "notes have no place" in done.stderr
    lines = (shell.folder / "migration_rejects.ndjson").read_text().splitlines()
    rejected = {line["table"]: line["reason"] for line in map(json.loads, lines)}
    assert rejected.keys() == {"yfinance_ohlcv", "fred_data"}
    assert "close" in rejected["yfinance_ohlcv"]
    shell.settings["DATABASE_BACKEND"] = "postgresql"
    found = shell.rows("SELECT ticker, date, adj_close, volume FROM yfinance_ohlcv ORDER BY date")
    assert [(row["ticker"], row["date"], row["volume"]) for row in found] == [
        ("SPY", "2024-01-01", 10), ("SPY", "2024-01-03", 2**60),
    ]  # fmt: skip
    [gdp] = shell.rows("SELECT value, as_of FROM fred_data")
    assert gdp == {"value": 1.5, "as_of": "2024-05-01T12:00:00.000000Z"}

    (folder / "cboe_vix_history.pkl").write_bytes(pickle.dumps(Hostile()))
    refused = shell.run("migrate")
    assert (refused.returncode, "cboe_vix_history.pkl" in refused.stderr) == (1, True)
    assert not (shell.folder / "owned").exists()
