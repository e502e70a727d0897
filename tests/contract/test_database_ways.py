"""The quick ways of writing leave what the careful one would, also where they were wrong."""

import asyncio
import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database.base import Database, Written
from shared.database.fold import to_run
from shared.errors import Transient
from shared.settings import Settings
from shared.versions import Outcome, Run, absorb
from tests.batches import MEASURES, Feed, Record, at, measure, opened, rows
from tests.strategies import examples

sites = itertools.count()


def on(day: int, minutes: float, level: float = 1.0, site: str = "A") -> Record:
    """Return a record of the day."""
    return measure(minutes, level, site, day=dt.date(2026, 1, day))


def by_the_rule(stored: dict[Any, list[Run]], records: list[Record]) -> Written:
    """Let records join the runs of their keys, and count what they do."""
    written = Written()
    for row, as_of in records:
        runs = stored[row["site"], row["day"]]
        new = not runs
        outcome = absorb(runs, to_run(MEASURES, row | {"as_of": as_of}))
        written.inserted += new
        written.updated += not new and outcome is Outcome.UPDATED
        written.confirmed += outcome is Outcome.CONFIRMED
        written.unchanged += outcome is Outcome.UNCHANGED
    return written


records = st.builds(
    on, st.integers(1, 6), st.integers(0, 4), st.sampled_from([1.0, 2.0]), st.sampled_from("AB")
)
batches = st.lists(st.lists(records, min_size=1, max_size=8), min_size=1, max_size=6)


@given(arrived=batches)
@settings(examples(60), suppress_health_check=list(HealthCheck))
async def test_every_mixture_does_what_the_rule_says(
    database: Database, arrived: list[list[Record]]
) -> None:
    """Days past the newest, days in between, changed, unchanged, late and repeated."""
    case = f"{next(sites)} "
    feed = Feed(database)
    await feed.claim()
    stored: dict[Any, list[Run]] = defaultdict(list)
    for batch in arrived:
        given_records = [(row | {"site": case + row["site"]}, as_of) for row, as_of in batch]
        written = await feed.write(given_records)
        written.revisions = 0
        assert written == by_the_rule(stored, given_records)
    found = await database.fetch(
        "SELECT site, day, as_of, confirmed_as_of, level FROM measures_versions "
        f"WHERE site LIKE '{case}%' ORDER BY site, day, as_of"
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (*key, run.as_of, run.confirmed_as_of, run.values[0])
        for key in sorted(stored)
        for run in stored[key]
    ]


async def test_rows_that_go_straight_are_stamped_like_any(database: Database, feed: Feed) -> None:
    for records in ([on(3, 0)], [on(1, 0)], [on(4, 1), on(5, 1), on(2, 1)]):
        await feed.write(records)
    found = await rows(database, "measures")
    assert [row["day"].day for row in found] == [1, 2, 3, 4, 5]
    for row in found:
        assert row["created_at"] == row["updated_at"] is not None
        assert row["confirmed_as_of"] == row["as_of"]
        assert (row["source"], row["kafka_epoch"], row["kafka_partition"]) == ("test", 1, 0)
    assert [row["kafka_offset"] for row in found] == [1, 4, 0, 2, 3]


async def test_a_row_that_was_stored_by_hand_meanwhile_is_merged(
    database: Database, feed: Feed
) -> None:
    await feed.write([on(1, 0)])
    await database.execute(
        "INSERT INTO measures (site, day, level, as_of, confirmed_as_of) "
        "SELECT site, DATE '2026-01-02', 7, as_of, confirmed_as_of FROM measures"
    )
    written = await feed.write([on(2, 5, 8.0), on(3, 5), on(1, 5)])
    assert written == Written(inserted=1, updated=1, confirmed=1, revisions=1)
    assert (await rows(database, "measures_revisions", "level"))[0]["level"] == 7.0
    assert await feed.write([on(4, 6), on(5, 6)]) == Written(inserted=2)


async def test_what_was_rolled_back_was_not_the_newest(database: Database, feed: Feed) -> None:
    await feed.write([on(1, 0)])
    stale = feed.batch([on(5, 0)])
    feed.position = stale.moves[0].start
    await database.rehearse(stale)
    assert await feed.write([on(3, 0)]) == Written(inserted=1)
    assert await feed.write([on(5, 0), on(4, 0)]) == Written(inserted=2)


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, [MEASURES]) as database:
        yield database


async def test_a_mixed_batch_waits_in_the_order_of_the_keys_alone(
    postgres: Database, postgres_url: str
) -> None:
    """Another writer stores the row that was to go straight: wait for it, bounded, and merge."""
    feed = Feed(postgres)
    await feed.claim()
    await feed.write([on(1, 0)])
    other = await asyncpg.connect(postgres_url)
    held = other.transaction()
    await held.start()
    await other.execute(
        "INSERT INTO measures (site, day, level, as_of, confirmed_as_of) "
        "SELECT site, DATE '2026-01-02', 7, as_of, confirmed_as_of FROM measures"
    )
    mixed = [on(2, 5, 8.0), on(1, 5, 2.0)]
    with pytest.raises(Transient, match="lock"):
        await feed.write(mixed)
    writing = asyncio.create_task(feed.write(mixed))
    await held.commit()
    async with asyncio.timeout(20):
        assert await writing == Written(updated=2, revisions=2)
    await other.close()
    assert at(5) == (await rows(postgres, "measures", "as_of"))[1]["as_of"]
