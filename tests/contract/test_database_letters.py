"""Dead letters, written with the rows: raw, once, and all of a batch or nothing."""

import datetime as dt
from dataclasses import replace

import pytest

from shared.database.base import Database, Written
from shared.errors import InvalidRecord
from tests.batches import NOON, Feed, measure, refused, rows


async def test_a_refused_message_is_kept_raw(database: Database, feed: Feed) -> None:
    assert await feed.write([measure(0)], [refused(1)]) == Written(inserted=1, dead_letters=1)
    (letter,) = await rows(database, "dead_letters")
    assert letter.pop("id") > 0
    assert letter.pop("created_at") <= dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert letter == {
        "cluster_id": "cluster-1",
        "topic": "topic",
        "partition": 0,
        "offset": 1,
        "dataset": "measures",
        "message_timestamp": dt.datetime(2026, 1, 1, 0, 0, 0, 123_000, dt.UTC),
        "as_of": NOON,
        "key": b"key\x00",
        "value": b"?",
        "headers": '[["as_of", "/wA="], ["source", "eA=="]]',
        "error_code": "wrong",
        "reason": "it is wrong",
        "field": "level",
        "attempts": 1,
        "resolved_at": None,
        "resolution": None,
    }


async def test_a_letter_is_kept_once(database: Database, feed: Feed) -> None:
    await feed.write([], [refused(0), refused(1, None)])
    batch = replace(feed.batch([], [refused(1), refused(2), refused(2)]), moves=())
    assert (await database.write(batch)).dead_letters == 1
    found = await rows(database, "dead_letters", 'id, "offset", value')
    assert [(row["offset"], row["value"]) for row in found] == [(0, b"?"), (1, None), (2, b"?")]
    assert len({row["id"] for row in found}) == 3


async def test_a_letter_s_reason_may_quote_anything(database: Database, feed: Feed) -> None:
    odd = refused(0, bytes(range(256)))
    error = InvalidRecord("wrong", "has \x00 and \ud800 and '; DROP TABLE measures; --", "a\x00b")
    message = odd.message._replace(timestamp_ms=-1, key=None, headers=(("a\x00\ud800", b"\xff"),))
    await feed.write([], [replace(odd, message=message, error=error, as_of=None)])
    (letter,) = await rows(database, "dead_letters")
    assert letter["value"] == bytes(range(256))
    assert letter["reason"] == "has  and ? and '; DROP TABLE measures; --"
    assert (letter["field"], letter["key"], letter["as_of"]) == ("ab", None, None)
    assert letter["message_timestamp"] is None


async def test_a_row_that_the_database_refuses_takes_all_back(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0)])
    batch = feed.batch([measure(5, 2.0), measure(0, site=None)], [refused(3)])  # type: ignore[arg-type]
    with pytest.raises(InvalidRecord) as refusal:
        await database.write(batch)
    assert refusal.value.code.startswith("server_")
    assert await database.positions() == [feed.position]
    assert await rows(database, "measures", "site, level") == [{"site": "A", "level": 1.0}]
    assert await rows(database, "measures_revisions") == []
    assert await rows(database, "dead_letters") == []
    await feed.write([measure(5, 2.0)])


async def test_a_failure_after_the_rows_takes_them_back(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    await database.execute("ALTER TABLE dead_letters RENAME TO elsewhere")
    batch = feed.batch([measure(5, 2.0), measure(5, site="B"), measure(6, site="B")], [refused(4)])
    with pytest.raises(Exception, match="dead_letters"):
        await database.write(batch)
    assert await database.positions() == [feed.position]
    assert await rows(database, "measures", "site, level") == [{"site": "A", "level": 1.0}]
    assert await rows(database, "measures_revisions") == []
    await database.execute("ALTER TABLE elsewhere RENAME TO dead_letters")
    written = await database.write(batch)
    assert written == Written(inserted=1, updated=1, confirmed=1, revisions=1, dead_letters=1)


async def test_a_topic_made_anew_keeps_the_letters_of_both(database: Database, feed: Feed) -> None:
    await feed.write([], [refused(0), refused(1), refused(2)])
    (feed.position,) = await database.reset_offsets(feed.reader, [("topic", 0, 0)])
    assert (await feed.write([], [refused(0), refused(1, b"other")])).dead_letters == 1
    later = refused(2)
    later = replace(
        later, message=later.message._replace(timestamp_ms=later.message.timestamp_ms + 1)
    )
    assert (await feed.write([], [later])).dead_letters == 1
    found = await rows(database, "dead_letters", 'id, "offset", value, cluster_id')
    here = [row for row in found if row["cluster_id"] == "cluster-1"]
    assert sorted((row["offset"], row["value"]) for row in here) == [
        (0, b"?"), (1, b"other"), (2, b"?")
    ]  # fmt: skip
    gone = sorted((row for row in found if row not in here), key=lambda row: row["offset"])
    assert [(row["offset"], row["value"]) for row in gone] == [(1, b"?"), (2, b"?")]
    assert [row["cluster_id"] for row in gone] == [f"cluster-1~{row['id']}" for row in gone]
