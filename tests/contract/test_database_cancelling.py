"""Cancelling a write leaves all of it or nothing, and what others do alone."""

import asyncio
import random

import pytest

from shared.database.base import Database
from tests.batches import Feed, measure, refused, rows

ROWS = 300
pytestmark = pytest.mark.usefixtures("nothing_left_over")


async def stored(database: Database) -> tuple[int, int, int]:
    """Return the stored offset, how many messages made rows, and how many letters."""
    (position,) = await database.positions()
    versions = await database.fetch("SELECT count(*) AS n FROM measures_versions")
    letters = await database.fetch("SELECT count(*) AS n FROM dead_letters")
    return position.next_offset, versions["n"][0].as_py(), letters["n"][0].as_py()


async def test_a_cancelled_write_is_whole_or_nothing(database: Database, feed: Feed) -> None:
    """At moments spread over the whole of a write, new rows, replaced and late ones in it."""
    dice = random.Random(7)
    whole = cancelled = 0
    seconds = 0.05
    await feed.write([measure(0, 0.5)])
    for minute in range(1, 61):
        offset = feed.position.next_offset
        sites = [measure(minute, float(minute), site=f"S{n}") for n in range(ROWS - 2)]
        late = [measure(-minute, -float(minute)), measure(-minute - 0.5, -float(minute) - 0.5)]
        batch = feed.batch([*sites, *late], [refused(offset + ROWS)])
        writing = asyncio.create_task(database.write(batch))
        await asyncio.wait([writing], timeout=seconds * dice.uniform(0, 2))
        writing.cancel()
        try:
            await writing
            seconds *= 0.8  # of how long a write takes, however busy the machine
        except asyncio.CancelledError:
            cancelled += 1
            seconds *= 1.25
        at, versions, letters = await stored(database)
        assert at in (offset, offset + ROWS + 1)
        feed.position = batch.moves[0].end if at > offset else feed.position
        whole += at > offset
        assert (versions, letters) == (1 + whole * ROWS, whole)
    assert cancelled > 10
    assert whole > 10


async def test_a_cancelled_write_leaves_others_alone(database: Database) -> None:
    """Writers at once, every second one cancelled: the rest is stored all the same."""
    feeds = [Feed(database, partition=partition) for partition in range(12)]
    for feed in feeds:
        await feed.claim()
    writing = [
        asyncio.create_task(
            feed.write([measure(0, site=f"{feed.partition}-{n}") for n in range(2_000)])
        )
        for feed in feeds
    ]
    await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
    for task in writing[1::2]:
        task.cancel()
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    assert any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    stands = {p.partition: p.next_offset for p in await database.positions()}
    for feed, outcome in zip(feeds, outcomes, strict=True):
        found = await database.fetch(
            "SELECT count(*) AS n FROM measures WHERE kafka_partition = $1", [feed.partition]
        )
        assert found["n"].to_pylist() == [stands[feed.partition]]
        if not isinstance(outcome, asyncio.CancelledError):
            assert not isinstance(outcome, BaseException), outcome
            assert stands[feed.partition] == 2_000
        assert stands[feed.partition] in (0, 2_000)
    assert 0 in stands.values()


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelling_again_and_again_ends_all_the_same(
    database: Database, feed: Feed, times: int
) -> None:
    writing = asyncio.create_task(
        database.write(feed.batch([measure(0, site=f"S{n}") for n in range(20_000)]))
    )
    for _ in range(times):
        await asyncio.wait([writing], timeout=0.02)
        writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with asyncio.timeout(30):
        assert await stored(database) == (0, 0, 0)
        await feed.write([measure(0)])
    assert len(await rows(database, "measures")) == 1
