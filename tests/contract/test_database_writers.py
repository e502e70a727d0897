"""Several writers of the same keys, and servers that end connections: nothing lost or doubled."""

import asyncio
import datetime as dt
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from shared.database.base import Database
from shared.errors import StaleOwner, Transient
from shared.settings import Settings
from tests.batches import MEASURES, Feed, Record, measure, opened
from tests.waiting import until

SITES = "ABCDE"
ALL_OF_THEM = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
ONE_OF_THEM = (
    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS o"
)


@pytest.fixture
async def databases(postgres_url: str) -> AsyncIterator[list[Database]]:
    """The same PostgreSQL as four processes would open it."""
    settings = Settings(
        database_backend="postgresql", database_url=postgres_url, database_pool_size=2
    )
    async with AsyncExitStack() as closing:
        yield [await closing.enter_async_context(opened(settings, [MEASURES])) for _ in range(4)]


class Patient:
    """Calls again where that may help, and counts how often it did."""

    def __init__(self) -> None:
        self.again = 0

    async def call(self, work: Callable[[], Awaitable[Any]]) -> Any:
        while True:
            try:
                return await work()
            except Transient:
                self.again += 1


async def write_all(feed: Feed, batches: list[list[Record]]) -> int:
    """Write batches as a loader would; return how often it had to call again."""
    patient = Patient()
    await patient.call(feed.claim)
    for records in batches:
        batch = feed.batch(records)
        try:
            await patient.call(partial(feed.database.write, batch))
        except StaleOwner:
            # The error came after the commit: the stored offset tells.
            assert await patient.call(feed.claim) == batch.moves[0].end
        feed.position = batch.moves[0].end
    return patient.again


def dealt(dice: random.Random, records: list[Record], writers: int) -> list[list[list[Record]]]:
    """Deal records to writers, each in batches of one to six."""
    dice.shuffle(records)
    hands: list[list[list[Record]]] = [[] for _ in range(writers)]
    while records:
        size = dice.choice([1, 1, 2, 3, 6])
        dice.choice(hands).append(records[:size])
        del records[:size]
    return hands


async def versions(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    found = await database.fetch(
        "SELECT site, as_of, confirmed_as_of, level FROM measures_versions ORDER BY site, as_of"
    )
    by_site: dict[str, list[tuple[Any, ...]]] = {site: [] for site in SITES}
    for site, *run in zip(*found.to_pydict().values(), strict=True):
        by_site[site].append(tuple(run))
    return by_site


async def load_at_once(databases: list[Database], records: list[Record], seed: int) -> int:
    hands = dealt(random.Random(seed), records, len(databases))
    feeds = [Feed(database, partition=n) for n, database in enumerate(databases)]
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        writing = [
            tasks.create_task(write_all(feed, hand))
            for feed, hand in zip(feeds, hands, strict=True)
        ]
    return sum(task.result() for task in writing)


async def test_writers_of_the_same_keys_lose_and_double_nothing(
    databases: list[Database],
) -> None:
    """Every value is another, so that every record is a version of its own."""
    wanted = [
        measure(minute, 1000.0 * number + minute, site)
        for number, site in enumerate(SITES)
        for minute in range(80)
    ]
    await load_at_once(databases, list(wanted), seed=1)
    found = await versions(databases[0])
    for site in SITES:
        assert found[site] == [
            (as_of, as_of, row["level"]) for row, as_of in wanted if row["site"] == site
        ]
    current = await databases[0].fetch("SELECT count(*) AS n FROM measures")
    assert current["n"].to_pylist() == [len(SITES)]


async def test_writers_that_agree_and_disagree_leave_runs_in_order(
    databases: list[Database],
) -> None:
    """Few values, so that runs are confirmed, joined and split by several writers at once."""
    dice = random.Random(3)
    records = [
        measure(minute, dice.choice([1.0, 2.0]), site) for site in SITES for minute in range(80)
    ]
    truth: dict[Any, Any] = {(row["site"], as_of): row["level"] for row, as_of in records}
    await load_at_once(databases, list(records), seed=2)
    for site, runs in (await versions(databases[0])).items():
        assert runs[-1][1:] == (measure(79)[1], truth[site, measure(79)[1]])
        for as_of, confirmed, level in runs:
            assert truth[site, as_of] == truth[site, confirmed] == level
        for (_, end, before), (begin, _, after) in pairwise(runs):
            assert (end < begin, before != after) == (True, True)


async def test_writers_of_new_keys_agree_who_is_first(databases: list[Database]) -> None:
    """The same new keys at once, in opposite orders, alone and several times in a batch."""
    for number in range(20):
        sites = [f"{number}-{n}" for n in range(6)]
        feeds = [Feed(database, partition=n) for n, database in enumerate(databases)]
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for n, feed in enumerate(feeds):
                records = [measure(n, float(n), site) for site in sites[:: 1 if n % 2 else -1]]
                twice = [measure(n + 0.5, n + 0.5, site) for site in sites[:3]]
                tasks.create_task(write_all(feed, [records + (twice if n % 3 else [])]))
    found = await databases[0].fetch(
        "SELECT site, count(*) AS n, max(level) AS newest FROM measures_versions GROUP BY site"
    )
    # Writers 1 and 2 say something of the first three a second time.
    assert sorted(found["n"].to_pylist()) == [4] * 60 + [6] * 60
    assert set(found["newest"].to_pylist()) == {3.0}


async def test_writers_of_rising_days_store_each_version_once(databases: list[Database]) -> None:
    """What one writer holds for past the newest, another is storing or has stored."""
    first = dt.date(2026, 1, 1)
    wanted = [
        measure(minute, 100.0 * minute + day, site, day=first + dt.timedelta(day))
        for day in range(40)
        for minute in range(3)
        for site in "AB"
    ]
    hands = [[wanted[n : n + 9] for n in range(9 * w, len(wanted), 36)] for w in range(4)]
    feeds = [Feed(database, partition=n) for n, database in enumerate(databases)]
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for feed, hand in zip(feeds, hands, strict=True):
            tasks.create_task(write_all(feed, hand))
    found = await databases[0].fetch(
        "SELECT site, day, as_of, level FROM measures_versions ORDER BY site, day, as_of"
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == sorted(
        (row["site"], row["day"], as_of, row["level"]) for row, as_of in wanted
    )


async def test_a_row_that_another_changes_meanwhile_is_archived_as_it_then_is(
    databases: list[Database], postgres_url: str
) -> None:
    """The quick way waits for another writer's row: what it had read of it is stale by then."""
    feed = Feed(databases[0])
    await feed.claim()
    await feed.write([measure(0, 1.0)])
    rival = await asyncpg.connect(postgres_url)
    held = rival.transaction()
    await held.start()
    await rival.execute("INSERT INTO measures_revisions SELECT * FROM measures")
    await rival.execute(
        "UPDATE measures SET level = 2, as_of = $1, confirmed_as_of = $1", measure(1)[1]
    )
    writing = asyncio.create_task(feed.write([measure(2, 3.0)]))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await until(lambda: rival.fetchval(f"{waiting} AND datname = current_database()"))
    await held.commit()
    await rival.close()
    written = await writing
    assert (written.updated, written.revisions) == (1, 1)
    assert (await versions(databases[0]))["A"] == [
        (as_of, as_of, level) for level, as_of in ((n + 1.0, measure(n)[1]) for n in range(3))
    ]


async def test_ended_connections_are_transient_and_lose_nothing(
    databases: list[Database], postgres_url: str
) -> None:
    dice = random.Random(5)
    records = [measure(minute, float(minute), site) for site in SITES for minute in range(50)]
    killer = await asyncpg.connect(postgres_url)
    loading = asyncio.create_task(load_at_once(databases, list(records), seed=4))
    ended = 0
    while not loading.done():
        await asyncio.wait([loading], timeout=dice.uniform(0.005, 0.05))
        ended += await killer.fetchval(ONE_OF_THEM)
    again = await loading
    await killer.close()
    assert ended > 5
    assert again > 2
    found = await Patient().call(lambda: versions(databases[0]))
    for site in SITES:
        assert [level for _, _, level in found[site]] == [float(n) for n in range(50)]


async def test_every_call_survives_an_ended_connection(
    databases: list[Database], postgres_url: str
) -> None:
    """Whatever is called next raises Transient or works, and soon it works."""
    database, _, _, _ = databases
    feed = Feed(database)
    await feed.claim()
    killer = await asyncpg.connect(postgres_url)
    calls: list[Callable[[], Awaitable[Any]]] = [
        database.ping,
        database.positions,
        feed.claim,
        lambda: database.fetch("SELECT 1 AS one"),
        lambda: database.execute("UPDATE measures SET label = NULL"),
        lambda: database.check_schema([MEASURES]),
        lambda: database.apply_schema([MEASURES]),
        lambda: database.rehearse(feed.batch([measure(0)])),
    ]
    for call in calls * 4:
        await killer.execute(ALL_OF_THEM)
        for _ in range(3):
            try:
                await call()
                break
            except Transient:
                continue
        else:
            pytest.fail(f"{call} does not recover")
    await killer.close()


async def test_a_lock_that_is_held_is_transient(
    databases: list[Database], postgres_url: str
) -> None:
    feed = Feed(databases[0])
    await feed.claim()
    await feed.write([measure(0)])
    holder = await asyncpg.connect(postgres_url)
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT 1 FROM measures FOR UPDATE")
    with pytest.raises(Transient, match="lock"):
        await feed.write([measure(1, 2.0)])
    await held.rollback()
    await holder.close()
    await feed.write([measure(1, 2.0)])
