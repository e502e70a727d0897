"""How PostgreSQL keeps the rows: stamps by trigger, confirmations in place, plans by the keys."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from shared.database.base import Database
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, Feed, measure, opened
from tests.waiting import until

ROWS = 2_000


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, [MEASURES, EVENTS]) as database:
        yield database


@pytest.fixture
async def psql(database: Database, postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of someone who writes by hand."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
async def feed(database: Database) -> Feed:
    feed = Feed(database)
    await feed.claim()
    return feed


async def stamps(psql: asyncpg.Connection) -> Any:
    return await psql.fetchrow("SELECT created_at, updated_at, xmin::text, level FROM measures")


async def test_the_trigger_stamps_what_is_written_by_hand(
    psql: asyncpg.Connection, feed: Feed
) -> None:
    await feed.write([measure(0)])
    before = await stamps(psql)
    await psql.execute("UPDATE measures SET level = 7")
    after = await stamps(psql)
    assert after["updated_at"] > before["updated_at"]
    assert after["created_at"] == before["created_at"]


async def test_what_the_writer_sets_is_kept(psql: asyncpg.Connection, feed: Feed) -> None:
    await feed.write([measure(0)])
    moment = measure(-9)[1]
    await psql.execute("UPDATE measures SET level = 7, updated_at = $1", moment)
    assert (await stamps(psql))["updated_at"] == moment
    await psql.execute("UPDATE measures SET updated_at = $1", measure(-10)[1])
    assert (await stamps(psql))["updated_at"] == measure(-10)[1]


async def test_an_update_that_changes_nothing_is_none(psql: asyncpg.Connection, feed: Feed) -> None:
    await feed.write([measure(0, tags=["a"])])
    before = await stamps(psql)
    await psql.execute("UPDATE measures SET level = level, tags = tags")
    await psql.execute("UPDATE measures SET confirmed_as_of = confirmed_as_of + interval '1 day'")
    assert (await stamps(psql))["updated_at"] == before["updated_at"]


async def counted(psql: asyncpg.Connection, column: str) -> int:
    await psql.execute("SELECT pg_stat_clear_snapshot()")
    found: int = await psql.fetchval(
        f"SELECT {column} FROM pg_stat_user_tables WHERE relname = 'measures'"
    )
    return found


async def test_confirmations_stay_off_the_index(
    psql: asyncpg.Connection, database: Database, feed: Feed
) -> None:
    """Pages are filled in part, so that a share of their rows may be confirmed within them."""
    sites = [f"S{n:05}" for n in range(ROWS)]
    await feed.write([measure(0, site=site) for site in sites])
    size = await psql.fetchval("SELECT pg_relation_size('measures_pkey')")
    part = sites[::8]
    assert (await feed.write([measure(1, site=site) for site in part])).confirmed == len(part)
    await database.close()
    await until(lambda: reported(psql, len(part)))
    hot, updated = await counted(psql, "n_tup_hot_upd"), await counted(psql, "n_tup_upd")
    assert updated == len(part)
    assert hot > 0.9 * updated
    assert await psql.fetchval("SELECT pg_relation_size('measures_pkey')") == size


async def reported(psql: asyncpg.Connection, updates: int) -> bool:
    """Tell whether the server's counters, which lag, have come in."""
    return await counted(psql, "n_tup_upd") >= updates


async def test_what_was_known_is_found_by_the_key(psql: asyncpg.Connection, feed: Feed) -> None:
    for minute in range(4):
        records = [measure(minute, float(minute), site=f"S{n:05}") for n in range(ROWS)]
        await feed.write(records)
    await psql.execute("ANALYZE measures; ANALYZE measures_revisions")
    for source in ("measures_as_of('2026-01-01 12:02Z')", "measures_versions"):
        rows = await psql.fetch(f"EXPLAIN SELECT * FROM {source} WHERE site = 'S00777'")
        plan = "\n".join(row[0] for row in rows)
        assert "Seq Scan" not in plan, plan
        assert "measures_pkey" in plan
        assert "measures_revisions_pkey" in plan


async def test_a_merge_of_few_rows_reads_few(psql: asyncpg.Connection, feed: Feed) -> None:
    """The plan does not fall back on reading the whole table for a small batch."""
    for start in range(0, 60_000, 20_000):
        await feed.write([measure(0, site=f"S{n:05}") for n in range(start, start + 20_000)])
    await psql.execute("ANALYZE measures")
    before = await counted(psql, "seq_tup_read")
    for minute in range(1, 4):
        await feed.write([measure(minute, float(minute % 2), site=f"S{n:05}") for n in range(50)])
    await feed.write([measure(-1, 9.0, site=f"S{n:05}") for n in range(50)])
    await feed.database.close()
    await until(lambda: reported(psql, 150))
    assert await counted(psql, "seq_tup_read") - before < 60_000


async def test_writers_of_other_keys_wait_for_each_other_s_commits(database: Database) -> None:
    """PostgreSQL commits what is announced one after the other, and a commit takes its time."""
    feeds = [Feed(database, partition=number) for number in range(4)]

    async def change(feed: Feed) -> None:
        await feed.claim()
        for minute in range(40):
            await feed.write([measure(minute, float(minute), site=f"S{feed.partition}")])

    async with asyncio.TaskGroup() as group:
        for feed in feeds:
            group.create_task(change(feed))
    assert {feed.position.next_offset for feed in feeds} == {40}
