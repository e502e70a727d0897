"""Writing batches: versions, lineage and stamps."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from shared.database.base import Database, Written
from tests.batches import EVENTS, NOON, Feed, at, event, measure, rows

LINEAGE = "source, kafka_epoch, kafka_partition, kafka_offset"


async def test_records_that_are_new_are_inserted(database: Database, feed: Feed) -> None:
    written = await feed.write([measure(0, site=site) for site in "CAB"])
    assert written == Written(inserted=3)
    found = await rows(database, "measures", f"site, level, as_of, confirmed_as_of, {LINEAGE}")
    assert [row["site"] for row in found] == ["A", "B", "C"]
    assert [row["kafka_offset"] for row in found] == [1, 2, 0]
    assert {(row["kafka_epoch"], row["kafka_partition"], row["source"]) for row in found} == {
        (1, 0, "test")
    }
    assert {(row["as_of"], row["confirmed_as_of"]) for row in found} == {(NOON, NOON)}


async def test_a_newer_value_replaces_and_leaves_a_revision(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, 1.0)])
    assert await feed.write([measure(5, 2.0)]) == Written(updated=1, revisions=1)
    (row,) = await rows(database, "measures")
    (revision,) = await rows(database, "measures_revisions")
    assert (row["level"], row["as_of"], row["kafka_offset"]) == (2.0, at(5), 1)
    assert (revision["level"], revision["as_of"], revision["kafka_offset"]) == (1.0, NOON, 0)
    assert row["created_at"] == revision["created_at"]
    assert row["updated_at"] > revision["updated_at"] == revision["created_at"]


async def test_a_confirmation_changes_nothing_but_its_moment(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0)])
    (before,) = await rows(database, "measures")
    assert await feed.write([measure(5)]) == Written(confirmed=1)
    (after,) = await rows(database, "measures")
    assert after == before | {"confirmed_as_of": at(5)}
    assert await rows(database, "measures_revisions") == []


async def test_confirmations_within_one_batch_are_no_update_either(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0)])
    (before,) = await rows(database, "measures")
    assert await feed.write([measure(5), measure(7)]) == Written(confirmed=2)
    (after,) = await rows(database, "measures")
    assert after == before | {"confirmed_as_of": at(7)}


@pytest.mark.parametrize("together", [False, True])
async def test_a_column_without_versions_is_updated_in_place(
    database: Database, feed: Feed, together: bool
) -> None:
    await feed.write([measure(0, adjusted=1.0)])
    (before,) = await rows(database, "measures")
    records = [measure(5, adjusted=2.0), measure(5, adjusted=2.0)][: 1 + together]
    assert (await feed.write(records)).confirmed == 1
    (after,) = await rows(database, "measures")
    changed = {"confirmed_as_of": at(5), "adjusted": 2.0, "updated_at": after["updated_at"]}
    assert after == before | changed
    assert after["updated_at"] > before["updated_at"]
    assert await rows(database, "measures_revisions") == []


async def test_an_earlier_version_keeps_the_last_that_was_said_of_it(
    database: Database, feed: Feed
) -> None:
    for record in (measure(0, adjusted=1.0), measure(2, adjusted=2.0), measure(5, 7.0)):
        await feed.write([record])
    (current,) = await rows(database, "measures")
    for minute, adjusted in ((0, 3.0), (1, 4.0), (2, 5.0)):
        await feed.write([measure(minute, adjusted=adjusted)])
    (revision,) = await rows(database, "measures_revisions", "adjusted, as_of, confirmed_as_of")
    assert revision == {"adjusted": 5.0, "as_of": NOON, "confirmed_as_of": at(2)}
    assert await rows(database, "measures") == [current]


async def test_when_a_key_was_first_stored_outlives_every_version(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0)])
    (first,) = await rows(database, "measures")
    await feed.write([measure(1, 2.0)])
    await feed.write([measure(2, 3.0), measure(3, 4.0)])
    await feed.write([measure(-1, 9.0)])
    (last,) = await rows(database, "measures")
    assert last["level"] == 4.0
    assert last["created_at"] == first["created_at"] < last["updated_at"]


async def test_an_older_adjustment_does_not_come_back(database: Database, feed: Feed) -> None:
    await feed.write([measure(5, adjusted=2.0)])
    await feed.write([measure(0, adjusted=1.0)])
    assert await rows(database, "measures", "adjusted, as_of") == [{"adjusted": 2.0, "as_of": NOON}]


async def test_what_is_stored_already_writes_nothing(database: Database, feed: Feed) -> None:
    history = [measure(0), measure(5, 2.0), measure(9, 2.0), measure(12, 3.0)]
    for record in history:
        await feed.write([record])
    before = [await rows(database, name) for name in ("measures", "measures_revisions")]
    for record in history:
        assert await feed.write([record]) == Written(unchanged=1)
    assert await feed.write(history) == Written(unchanged=4)
    assert await feed.write([measure(7, 2.0)]) == Written(unchanged=1)
    assert [await rows(database, name) for name in ("measures", "measures_revisions")] == before


async def test_a_late_record_becomes_a_revision(database: Database, feed: Feed) -> None:
    await feed.write([measure(5, 2.0)])
    (before,) = await rows(database, "measures")
    assert await feed.write([measure(0, 1.0)]) == Written(updated=1, revisions=1)
    assert await rows(database, "measures") == [before]
    (revision,) = await rows(database, "measures_revisions", "level, as_of, kafka_offset")
    assert revision == {"level": 1.0, "as_of": NOON, "kafka_offset": 1}


async def test_a_late_record_splits_the_run_it_falls_into(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    await feed.write([measure(10)])
    await feed.write([measure(4, 9.0)])
    runs = "level, as_of, confirmed_as_of"
    assert await rows(database, "measures", runs) == [
        {"level": 1.0, "as_of": at(10), "confirmed_as_of": at(10)}
    ]
    assert await rows(database, "measures_revisions", runs) == [
        {"level": 1.0, "as_of": NOON, "confirmed_as_of": NOON},
        {"level": 9.0, "as_of": at(4), "confirmed_as_of": at(4)},
    ]


async def test_a_key_may_come_many_times_in_one_batch(database: Database, feed: Feed) -> None:
    records = [measure(n, float(n // 2)) for n in range(6)] + [measure(0, site="B")]
    assert await feed.write(records) == Written(inserted=2, updated=2, confirmed=3, revisions=2)
    assert await rows(database, "measures", "site, level, as_of, kafka_offset") == [
        {"site": "A", "level": 2.0, "as_of": at(4), "kafka_offset": 4},
        {"site": "B", "level": 1.0, "as_of": NOON, "kafka_offset": 6},
    ]
    found = await rows(database, "measures_revisions", "level, confirmed_as_of, kafka_offset")
    assert found == [
        {"level": 0.0, "confirmed_as_of": at(1), "kafka_offset": 0},
        {"level": 1.0, "confirmed_as_of": at(3), "kafka_offset": 2},
    ]


async def test_the_later_of_two_messages_wins_a_tie(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, 1.0), measure(0, 2.0)])
    assert await rows(database, "measures", "level") == [{"level": 2.0}]
    await feed.write([measure(0, 3.0)])
    assert await rows(database, "measures", "level, kafka_offset") == [
        {"level": 3.0, "kafka_offset": 2}
    ]
    assert await rows(database, "measures_revisions") == []


async def test_a_null_is_a_value_and_unlike_every_other(database: Database, feed: Feed) -> None:
    for minute, level in enumerate([None, None, 0.0, None]):
        await feed.write([measure(minute, level)])
    assert await rows(database, "measures", "level, as_of") == [{"level": None, "as_of": at(3)}]
    found = await rows(database, "measures_revisions", "level, confirmed_as_of")
    assert found == [
        {"level": None, "confirmed_as_of": at(1)},
        {"level": 0.0, "confirmed_as_of": at(2)},
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"tags": []}, {"tags": None}),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}),
        ({"label": ""}, {"label": None}),
        ({"label": "e\u0301"}, {"label": "\u00e9"}),
        ({"count": 2**53}, {"count": 2**53 + 1}),
    ],
)
async def test_values_that_differ_a_little_are_versions(
    database: Database, feed: Feed, one: dict[str, Any], other: dict[str, Any]
) -> None:
    for minute, fields in enumerate([one, other, one, one]):
        await feed.write([measure(minute, **fields)])
    name = next(iter(one))
    assert await rows(database, "measures", f"{name}, as_of") == [one | {"as_of": at(2)}]
    found = await rows(database, "measures_revisions", name)
    assert found == [one, other]


async def test_rows_without_versions_are_overwritten(database: Database) -> None:
    feed = Feed(database, EVENTS)
    await feed.claim()
    assert await feed.write([event("a", "begun"), event("b", "begun")]) == Written(inserted=2)
    (before, _) = await rows(database, "events")
    records = [event("a", "failed"), event("b", "begun"), event("a", "done")]
    assert await feed.write(records) == Written(updated=1, unchanged=2)
    (after, other) = await rows(database, "events")
    assert (after["status"], after["kafka_offset"]) == ("done", 4)
    assert (other["status"], other["kafka_offset"]) == ("begun", 1)
    assert after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


async def test_without_a_move_rows_name_no_epoch(database: Database, feed: Feed) -> None:
    await database.write(replace(feed.batch([measure(0)]), moves=()))
    assert await rows(database, "measures", "kafka_epoch") == [{"kafka_epoch": None}]
    assert await database.positions() == [feed.position]


async def test_rows_of_several_partitions_name_each_its_epoch(database: Database) -> None:
    await Feed(database, partition=1, reader=replace(Feed(database).reader, cluster_id="0")).claim()
    feeds = [Feed(database, partition=partition) for partition in (0, 1)]
    assert [(await feed.claim()).epoch for feed in feeds] == [1, 2]
    one, two = feeds[0].batch([measure(0)]), feeds[1].batch([measure(0, site="B")])
    table = pa.concat_tables([two.table, one.table])
    await database.write(replace(one, table=table, moves=[*one.moves, *two.moves]))
    found = await rows(database, "measures", "site, kafka_partition, kafka_epoch")
    assert [tuple(row.values()) for row in found] == [("A", 0, 1), ("B", 1, 2)]
    assert {p.next_offset for p in await database.positions(one.reader)} == {1}
