"""What the three roles of PostgreSQL may do, and that they may do no more."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.api.app import run_api
from shared.database.base import Batch, Database
from shared.database.keys import list_keys
from shared.errors import ConfigError
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, READER, Feed, event, measure, opened, refused

FEW = [MEASURES, EVENTS]


@pytest.fixture
async def as_members(postgres_url: str) -> AsyncIterator[dict[str, Settings]]:
    """Settings of a user of each role, in a database with the tables."""
    owner = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(owner, FEW):
        pass
    place = urlsplit(postgres_url)
    users = {role: f"{role}_{place.path[-8:]}" for role in ("loader", "processor", "api")}
    connection = await asyncpg.connect(postgres_url)
    for role, user in users.items():
        await connection.execute(f"CREATE USER {user} PASSWORD 'secret' IN ROLE econstream_{role}")
    yield {
        role: Settings(
            database_backend="postgresql",
            database_url=urlunsplit(
                place._replace(netloc=f"{user}:secret@{place.hostname}:{place.port}")
            ),
        )
        for role, user in users.items()
    }
    for user in users.values():
        await connection.execute(f"DROP USER {user}")
    await connection.close()


async def is_refused(database: Database, sql: str) -> bool:
    try:
        await database.execute(sql)
    except ConfigError as exc:
        return "permission denied" in str(exc)
    return False


async def test_each_role_does_its_work_and_no_more(as_members: dict[str, Settings]) -> None:
    async with opened(as_members["loader"], FEW) as loader:
        assert await loader.check_schema(FEW) == []
        feed, events = Feed(loader), Feed(loader, EVENTS, partition=1)
        for each in (feed, events):
            await each.claim()
        await events.write([event("a", "begun"), event("a", "done")])
        for minutes, level in ((0, 1.0), (5, 2.0), (2, 3.0), (2, 4.0), (2, 1.0)):
            await feed.write([measure(minutes, level)] * 2)
        letter = refused(feed.position.next_offset)
        await feed.write([], [letter])
        for sql in (
            "SELECT id FROM api_keys",
            "INSERT INTO api_keys (id) VALUES ('x')",
            "DELETE FROM measures",
            "TRUNCATE events",
            "DELETE FROM dead_letters",
            "DROP TABLE events",
            "CREATE TABLE mine (n int)",
        ):
            assert await is_refused(loader, sql) or "DROP" in sql, sql
    async with opened(as_members["processor"], FEW) as processor:
        assert await processor.positions()
        assert len(await processor.fetch("SELECT * FROM events"))
        failed = [refused(999, topic="of its own")]
        await processor.write(Batch(READER, MEASURES, Feed(processor).batch([]).table, failed))
        for sql in (
            "INSERT INTO events (run, status) VALUES ('b', 'x')",
            "UPDATE consumer_offsets SET next_offset = 0",
            "DELETE FROM measures_revisions",
            "UPDATE dead_letters SET value = NULL",
            "DELETE FROM dead_letters",
            "SELECT id FROM api_keys",
        ):
            assert await is_refused(processor, sql), sql
    async with opened(as_members["api"], FEW) as api:
        found = await api.fetch("SELECT level FROM measures_versions ORDER BY as_of")
        assert found["level"].to_pylist()[-1] == 2.0
        assert await api.fetch("SELECT * FROM measures_as_of($1)", (dt.datetime.now(dt.UTC),))
        assert await api.positions()
        assert await api.discard_letters([1]) == 1
        assert await list_keys(api) == []
        for sql in (
            "INSERT INTO events (run, status) VALUES ('b', 'x')",
            "UPDATE measures SET level = 0",
            "DELETE FROM measures_revisions",
            "UPDATE dead_letters SET value = NULL",
            "UPDATE consumer_offsets SET next_offset = 0",
            "DELETE FROM api_keys",
        ):
            assert await is_refused(api, sql), sql


async def test_rights_lost_are_given_back_and_rights_too_many_told(postgres_url: str) -> None:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, FEW) as database:
        await database.execute("REVOKE SELECT ON events FROM econstream_api")
        assert await database.check_schema(FEW) == ["role econstream_api lacks rights"]
        assert await database.apply_schema(FEW) == ["granted role econstream_api its rights"]
        await database.execute("GRANT SELECT ON api_keys TO econstream_loader")
        told = ["role econstream_loader may SELECT api_keys: revoke it"]
        assert await database.check_schema(FEW) == told


async def test_an_api_ends_where_tables_are_older_than_it(as_members: dict[str, Settings]) -> None:
    """Here they are so old that most are not there; the API's role may not make them."""
    async with asyncio.timeout(60):
        with pytest.raises(ConfigError, match="schema apply"):
            await run_api(as_members["api"], asyncio.Event())
