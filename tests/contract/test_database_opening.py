"""Opening and closing a database, and what is said where it cannot be opened."""

import asyncio
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from shared.database.base import Database
from shared.database.factory import create_database
from shared.errors import ConfigError, Transient
from shared.settings import Settings
from tests.batches import Feed, measure
from tests.waiting import until


async def test_opening_and_closing_twice_changes_nothing(database_settings: Settings) -> None:
    database = create_database(database_settings, application="test")
    await database.close()
    for _ in range(2):
        await asyncio.gather(database.open(), database.open())
        await database.open()
        await database.ping()
        await database.close()
        await database.close()


async def test_a_closed_database_is_away(database_settings: Settings) -> None:
    database = create_database(database_settings, application="test")
    with pytest.raises(Transient, match="not open"):
        await database.ping()
    await database.open()
    await database.close()
    with pytest.raises(Transient, match="not open"):
        await database.fetch("SELECT 1 AS one")


async def test_closing_ends_a_stream_that_nobody_reads_on(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, site=f"S{n}") for n in range(20_000)])
    stream = database.stream("SELECT * FROM measures")
    first = await anext(stream)
    assert first.num_rows < 20_000
    async with asyncio.timeout(20):
        await database.close()
    with pytest.raises(Transient):
        async for _ in stream:
            pass


async def test_what_was_written_is_there_after_opening_again(
    database_settings: Settings, database: Database, feed: Feed
) -> None:
    await feed.write([measure(0)])
    await database.close()
    await database.open()
    assert (await database.fetch("SELECT level FROM measures")).to_pylist() == [{"level": 1.0}]
    assert await database.positions(feed.reader) == [feed.position]


async def test_opening_may_be_cancelled(database_settings: Settings) -> None:
    database = create_database(database_settings, application="test")
    opening = asyncio.create_task(database.open())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await database.open()
    await database.ping()
    await database.close()


def postgres(url: str) -> Database:
    settings = Settings(database_backend="postgresql", database_url=url)
    return create_database(settings, application="test")


def changed(url: str, **parts: str) -> str:
    return urlunsplit(urlsplit(url)._replace(**parts))


async def test_an_unknown_database_or_user_is_a_wrong_setting(postgres_url: str) -> None:
    with pytest.raises(ConfigError, match=r'"nowhere" does not exist.*DATABASE_URL'):
        await postgres(changed(postgres_url, path="/nowhere")).open()
    host = urlsplit(postgres_url).netloc.rpartition("@")[2]
    url = changed(postgres_url, netloc=f"nobody:hunter2@{host}")
    with pytest.raises(ConfigError, match=r'"nobody".*POSTGRES_USER') as refusal:
        await postgres(url).open()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter#2@localhost/db",
        "postgresql://user:hunter/2@localhost:5432/db",
        "mysql://user:hunter2@localhost/db",
        "postgresql://user:hunter2@localhost/db?sslmode=banana",
        "hunter2",
    ],
)
async def test_an_address_that_cannot_be_read_is_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL") as refusal:
        await postgres(url).open()
    seen: BaseException | None = refusal.value
    while seen is not None:
        assert "hunter" not in str(seen)
        seen = seen.__cause__


async def test_a_server_that_is_away_is_transient(postgres_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        url = changed(postgres_url, netloc=f"someone:hunter2@127.0.0.1:{port}")
        with pytest.raises(Transient, match=f"away.*{port}") as refusal:
            await postgres(url).open()
    assert "hunter2" not in str(refusal.value)


async def test_a_name_that_is_not_known_is_transient() -> None:
    with pytest.raises(Transient, match="away"):
        await postgres("postgresql://someone@no.such.host.invalid/db").open()


async def test_connections_beyond_the_pool_wait_and_are_lent_on(postgres_url: str) -> None:
    settings = Settings(
        database_backend="postgresql", database_url=postgres_url, database_pool_size=1
    )
    database = create_database(settings, application="test")
    await database.open()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(database.ping())
    await database.close()


def duckdb(path: Path, **settings: str) -> Database:
    return create_database(Settings(duckdb_path=path, **settings), application="test")


async def test_a_file_that_another_process_holds_is_a_wrong_setting(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c",
        f"import duckdb; c = duckdb.connect({str(path)!r}); print('held', flush=True); input()",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    try:
        assert (await holder.stdout.readline()).strip() == b"held"
        with pytest.raises(ConfigError, match=r"held\.duckdb is held by another process.*up"):
            await duckdb(path).open()
    finally:
        await holder.communicate(b"\n")
    database = duckdb(path)
    await until(lambda: _opens(database))
    await database.close()


async def test_closing_lets_another_process_have_the_file(tmp_path: Path) -> None:
    path = tmp_path / "released.duckdb"
    database = duckdb(path)
    await database.open()
    stream = database.stream("SELECT * FROM range(1000000)")
    await anext(stream)
    await database.close()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", f"import duckdb; duckdb.connect({str(path)!r})"
    )
    assert await other.wait() == 0


async def test_what_is_no_duckdb_file_is_a_wrong_setting(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database" * 1000)
    with pytest.raises(ConfigError, match=r"notes\.txt cannot be opened.*DUCKDB_PATH"):
        await duckdb(path).open()
    with pytest.raises(ConfigError, match="DUCKDB_PATH"):
        await duckdb(tmp_path).open()
    with pytest.raises(ConfigError, match="DUCKDB_PATH"):
        await duckdb(path / "below-a-file.duckdb").open()


async def test_a_wrong_memory_limit_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DUCKDB_MEMORY_LIMIT"):
        await duckdb(tmp_path / "a.duckdb", duckdb_memory_limit="lots").open()


async def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    database = duckdb(tmp_path / "new" / "folder" / "a.duckdb")
    await database.open()
    await database.close()
    assert (tmp_path / "new" / "folder" / "a.duckdb").is_file()


async def _opens(database: Database) -> bool:
    try:
        await database.open()
    except ConfigError:
        return False
    return True
