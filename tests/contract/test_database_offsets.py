"""Offsets: claimed in epochs, moved by compare-and-set, together with what was read."""

import asyncio
from dataclasses import replace

import pytest

from shared.database.base import Batch, Database, Move, Position, Reader
from shared.errors import StaleOwner
from tests.batches import MEASURES, READER, Feed, measure, refused, rows

OTHER_CLUSTER = Reader("cluster-2", READER.group_id)
OTHER_GROUP = Reader(READER.cluster_id, "others")


async def test_a_claim_makes_what_is_missing_and_answers_what_stands(database: Database) -> None:
    first = await database.claim(READER, [("topic", 1, 7), ("topic", 0, 0)])
    assert sorted(first, key=lambda p: p.partition) == [
        Position("topic", 0, 1, 0),
        Position("topic", 1, 1, 7),
    ]
    again = await database.claim(READER, [("topic", 1, 99), ("other", 0, 3)])
    assert sorted(again, key=lambda p: p.topic) == [
        Position("other", 0, 1, 3),
        Position("topic", 1, 1, 7),
    ]


async def test_nothing_claimed_is_nothing_stored(database: Database) -> None:
    assert await database.claim(READER, []) == []
    assert await database.positions() == []
    assert await database.positions(READER) == []


async def test_another_cluster_begins_another_epoch_and_so_does_coming_back(
    database: Database,
) -> None:
    wanted = [("topic", 0, 0)]
    (here,) = await database.claim(READER, wanted)
    (there,) = await database.claim(OTHER_CLUSTER, wanted)
    assert (here.epoch, there.epoch) == (1, 2)
    assert await database.claim(OTHER_CLUSTER, wanted) == [there]
    (back,) = await database.claim(READER, wanted)
    assert back == replace(here, epoch=3)
    assert await database.claim(READER, wanted) == [back]


async def test_groups_and_partitions_have_epochs_of_their_own(database: Database) -> None:
    await database.claim(READER, [("topic", 0, 0)])
    await database.claim(OTHER_CLUSTER, [("topic", 0, 0)])
    (group,) = await database.claim(OTHER_GROUP, [("topic", 0, 0)])
    (partition,) = await database.claim(OTHER_CLUSTER, [("topic", 1, 0)])
    assert (group.epoch, partition.epoch) == (1, 1)


async def test_positions_are_one_reader_s_or_the_newest_of_each_partition(
    database: Database,
) -> None:
    await database.claim(READER, [("topic", 0, 5), ("topic", 1, 6)])
    (there,) = await database.claim(OTHER_CLUSTER, [("topic", 0, 0)])
    newest = sorted(await database.positions(), key=lambda p: p.partition)
    assert newest == [there, Position("topic", 1, 1, 6)]
    own = sorted(await database.positions(READER), key=lambda p: p.partition)
    assert own == [Position("topic", 0, 1, 5), Position("topic", 1, 1, 6)]


async def test_claims_at_once_agree(database: Database) -> None:
    wanted = [("topic", partition, 0) for partition in range(8)]
    async with asyncio.TaskGroup() as tasks:
        claims = [tasks.create_task(database.claim(READER, wanted)) for _ in range(4)]
    found = [sorted(claim.result(), key=lambda p: p.partition) for claim in claims]
    assert found[0] == [Position("topic", partition, 1, 0) for partition in range(8)]
    assert all(positions == found[0] for positions in found)


async def test_a_move_is_stored_with_what_was_read(database: Database, feed: Feed) -> None:
    batch = feed.batch([measure(0)])
    end = replace(batch.moves[0].end, last_timestamp_ms=2**41, last_crc32=2**32 - 1)
    batch = replace(batch, moves=[Move(batch.moves[0].start, end)])
    await database.write(batch)
    assert await database.positions(READER) == [end]
    assert await database.claim(READER, [("topic", 0, 0)]) == [end]


async def test_a_move_may_begin_another_epoch(database: Database, feed: Feed) -> None:
    start = feed.position
    end = replace(start, epoch=start.epoch + 1, next_offset=1)
    batch = replace(feed.batch([measure(0)]), moves=[Move(start, end)])
    await database.write(batch)
    assert await database.positions(READER) == [end]
    assert await rows(database, "measures", "kafka_epoch") == [{"kafka_epoch": 2}]


async def test_moves_without_rows_are_stored(database: Database, feed: Feed) -> None:
    start = feed.position
    end = replace(start, next_offset=17)
    batch = Batch(READER, MEASURES, feed.batch([]).table, (), [Move(start, end)])
    written = await database.write(batch)
    assert (written.inserted, written.dead_letters) == (0, 0)
    assert await database.positions(READER) == [end]


@pytest.mark.parametrize("stale", ["offset", "epoch", "cluster", "unclaimed"])
async def test_a_stale_owner_writes_nothing(database: Database, feed: Feed, stale: str) -> None:
    await feed.write([measure(0)])
    before = await database.positions()
    stored = await rows(database, "measures")
    batch = feed.batch([measure(1, 2.0), measure(1, site="B")], [refused(3)])
    move = batch.moves[0]
    changed = {
        "offset": replace(move.start, next_offset=0),
        "epoch": replace(move.start, epoch=move.start.epoch + 1),
        "cluster": move.start,
        "unclaimed": replace(move.start, partition=9),
    }[stale]
    reader = OTHER_CLUSTER if stale == "cluster" else READER
    with pytest.raises(StaleOwner, match="topic/"):
        await database.write(replace(batch, reader=reader, moves=[Move(changed, move.end)]))
    assert await database.positions() == before
    assert await rows(database, "measures") == stored
    assert await rows(database, "measures_revisions") == []
    assert await rows(database, "dead_letters") == []


async def test_one_stale_partition_of_several_refuses_the_batch(database: Database) -> None:
    feeds = [Feed(database, partition=partition) for partition in (0, 1)]
    for feed in feeds:
        await feed.claim()
    first, second = (feed.batch([measure(0)]).moves[0] for feed in feeds)
    stale = Move(replace(second.start, next_offset=5), second.end)
    batch = replace(feeds[0].batch([measure(0)]), moves=[first, stale])
    with pytest.raises(StaleOwner, match="topic/1"):
        await database.write(batch)
    assert {p.next_offset for p in await database.positions()} == {0}
    assert await rows(database, "measures") == []


async def test_of_two_owners_one_wins(database: Database, feed: Feed) -> None:
    batches = [feed.batch([measure(0, float(level))]) for level in range(5)]
    outcomes = await asyncio.gather(*map(database.write, batches), return_exceptions=True)
    assert sum(isinstance(outcome, StaleOwner) for outcome in outcomes) == 4
    (row,) = await rows(database, "measures")
    winner = next(n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Exception))
    assert row["level"] == float(winner)
    assert await rows(database, "measures_revisions") == []


async def test_a_rehearsal_leaves_nothing(database: Database, feed: Feed) -> None:
    batch = feed.batch([measure(0)], [refused(1)])
    await database.rehearse(batch)
    assert await database.positions() == [feed.position]
    for name in ("measures", "dead_letters"):
        assert await rows(database, name) == []
    stale = replace(feed.position, next_offset=3)
    with pytest.raises(StaleOwner):
        await database.rehearse(replace(batch, moves=[Move(stale, stale)]))
    await database.write(batch)


async def test_a_reset_begins_an_epoch_and_refuses_who_read_before(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0), measure(1)])
    (reset,) = await database.reset_offsets(READER, [("topic", 0, 1)])
    assert reset == Position("topic", 0, feed.position.epoch + 1, 1)
    assert reset.first_offset == 1
    with pytest.raises(StaleOwner):
        await feed.write([measure(2)])
    assert await feed.claim() == reset
    await feed.write([measure(1)])
    (again,) = await database.reset_offsets(READER, [("topic", 0, 0)])
    assert again.epoch == reset.epoch + 1


async def test_a_reset_rises_above_every_cluster_and_may_come_first(database: Database) -> None:
    await database.claim(OTHER_CLUSTER, [("topic", 0, 0)])
    (reset,) = await database.reset_offsets(READER, [("topic", 0, 7)])
    (there,) = await database.positions(OTHER_CLUSTER)
    assert (reset.next_offset, reset.first_offset) == (7, 7)
    assert reset.epoch > there.epoch


async def test_resets_at_once_are_all_told_apart(database: Database, feed: Feed) -> None:
    outcomes = await asyncio.gather(
        *(database.reset_offsets(READER, [("topic", 0, offset)]) for offset in range(4))
    )
    (last,) = await database.positions(READER)
    assert last.epoch == 5
    assert [last] in outcomes
