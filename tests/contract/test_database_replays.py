"""Dead letters tried again: stored late, resolved or tried once more, never in anybody's place."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from shared.database.base import Database, Written
from shared.database.letters import decode_headers, encode_headers, replay_record
from shared.decode import Rejected
from shared.errors import InvalidRecord
from shared.record import Message
from tests.batches import EVENTS, NOON, Feed, Record, event, measure, refused, rows

LETTERS = "id, attempts, error_code, resolution, resolved_at IS NOT NULL AS resolved"


async def letter_of(feed: Feed, value: bytes | None = b"?") -> tuple[int, Message]:
    """Keep a letter; return its id and the message that repeats it."""
    kept = refused(feed.position.next_offset, value)
    await feed.write([], [kept])
    found = await rows(feed.database, "dead_letters", "id")
    return max(row["id"] for row in found), kept.message


async def replay(
    feed: Feed, letter: int, message: Message, records: list[Record], *, at: int = 0
) -> Written:
    """Write records, that at place `at` being the repetition of the letter."""
    batch = feed.batch(records)
    again = message._replace(offset=feed.position.next_offset + at)
    written = await feed.database.write(replace(batch, replayed=[(letter, again)]))
    feed.position = batch.moves[0].end
    return written


async def test_what_stores_the_record_resolves_its_letter(database: Database, feed: Feed) -> None:
    letter, message = await letter_of(feed)
    other, _ = await letter_of(feed)
    assert (await replay(feed, letter, message, [measure(0)])).inserted == 1
    first, second = await rows(database, "dead_letters", f"{LETTERS}, {letter} AS asked")
    assert (first["id"], first["resolution"], first["resolved"]) == (letter, "replayed", True)
    assert (second["id"], second["resolution"], second["resolved"]) == (other, None, False)


async def test_one_that_fails_again_is_one_more_attempt_and_no_second_letter(
    database: Database, feed: Feed
) -> None:
    letter, message = await letter_of(feed, None)
    again = Rejected(
        message._replace(offset=1), InvalidRecord("other", "wrong otherwise", None), NOON
    )
    batch = replace(feed.batch([], [again]), replayed=[(letter, again.message)])
    assert (await database.write(batch)).dead_letters == 1
    (row,) = await rows(database, "dead_letters", f'{LETTERS}, "offset", reason, field')
    assert row == {
        "id": letter, "attempts": 2, "error_code": "other", "resolution": None, "resolved": False,
        "offset": 0, "reason": "wrong otherwise", "field": None,
    }  # fmt: skip


@pytest.mark.parametrize("changed", [{"value": b"!"}, {"key": b"other"}, {"topic": "elsewhere"}])
async def test_a_message_that_is_another_s_resolves_nothing_and_is_kept(
    database: Database, feed: Feed, changed: dict[str, Any]
) -> None:
    letter, message = await letter_of(feed)
    foreign = message._replace(**changed)
    await replay(feed, letter, foreign, [measure(0)])
    again = Rejected(foreign._replace(offset=2), InvalidRecord("wrong", "it is wrong"), NOON)
    batch = replace(feed.batch([], [again]), replayed=[(letter, again.message)])
    assert (await database.write(batch)).dead_letters == 1
    found = await rows(database, "dead_letters", "attempts, resolution")
    assert found == [{"attempts": 1, "resolution": None}] * 2


async def test_a_replay_wins_no_tie_and_overwrites_nothing_later(
    database: Database, feed: Feed
) -> None:
    letter, message = await letter_of(feed)
    await feed.write([measure(0, 1.0), measure(10, 2.0), measure(0, 5.0, site="B")])
    assert (await replay(feed, letter, message, [measure(0, 9.0)])).unchanged == 1
    assert (await replay(feed, letter, message, [measure(10, 9.0)])).unchanged == 1
    assert (await replay(feed, letter, message, [measure(0, 9.0, site="B")])).unchanged == 1
    assert (await replay(feed, letter, message, [measure(5, 3.0)])).updated == 1
    current = await rows(database, "measures", "site, level")
    assert current == [{"site": "A", "level": 2.0}, {"site": "B", "level": 5.0}]
    revisions = await rows(database, "measures_revisions", "as_of, level")
    assert [row["level"] for row in revisions] == [1.0, 3.0]


@pytest.mark.parametrize("at", [0, 1])
async def test_in_one_batch_a_replay_gives_way_too(database: Database, feed: Feed, at: int) -> None:
    letter, message = await letter_of(feed)
    records = [measure(0, 1.0)]
    records.insert(at, measure(0, 9.0))
    await replay(feed, letter, message, records, at=at)
    assert await rows(database, "measures", "level") == [{"level": 1.0}]
    assert await rows(database, "measures_revisions", "level") == []


async def test_a_replay_may_be_what_became_known_last(database: Database, feed: Feed) -> None:
    letter, message = await letter_of(feed)
    await feed.write([measure(0, 1.0)])
    assert (await replay(feed, letter, message, [measure(5, 2.0)])).updated == 1
    assert await rows(database, "measures", "level") == [{"level": 2.0}]
    assert await rows(database, "measures_revisions", "level") == [{"level": 1.0}]


async def test_without_versions_a_replay_only_fills_a_gap(database: Database) -> None:
    feed = Feed(database, EVENTS)
    await feed.claim()
    letter, message = await letter_of(feed)
    await feed.write([event("1", "later")])
    await replay(feed, letter, message, [event("1", "replayed"), event("2", "x")])
    await replay(feed, letter, message, [event("3", "replayed"), event("3", "later")])
    await replay(feed, letter, message, [event("4", "later"), event("4", "replayed")], at=1)
    await replay(feed, letter, message, [event("5", "replayed")])
    found = {row["run"]: row["status"] for row in await rows(database, "events", "run, status")}
    assert found == {"1": "later", "2": "x", "3": "later", "4": "later", "5": "replayed"}


async def test_discarded_letters_are_resolved_once(database: Database, feed: Feed) -> None:
    letters = [(await letter_of(feed))[0] for _ in range(3)]
    assert await database.discard_letters([*letters[:2], 999]) == 2
    assert await database.discard_letters(letters[:2]) == 0
    found = await rows(database, "dead_letters", "id, resolution")
    assert [row["resolution"] for row in found] == ["discarded", "discarded", None]


async def test_a_letter_becomes_the_record_that_it_was(database: Database, feed: Feed) -> None:
    kept = refused(0, b"\xff\x00")
    headers = (*kept.message.headers, ("dead_letter_id", b"3"), ("x", b""))
    await feed.write([], [replace(kept, message=kept.message._replace(headers=headers))])
    (row,) = await rows(database, "dead_letters")
    record = replay_record(row)
    assert (record.topic, record.key, record.value) == ("topic", b"key\x00", b"\xff\x00")
    assert record.timestamp_ms == kept.message.timestamp_ms
    assert dict(record.headers) == {
        "source": b"x",
        "x": b"",
        "dead_letter_id": str(row["id"]).encode(),
        "as_of": b"2026-01-01T12:00:00.000000Z",
    }
    unknown = replay_record(row | {"as_of": None, "message_timestamp": None, "value": None})
    assert (dict(unknown.headers)["as_of"], unknown.timestamp_ms) == (b"\xff\x00", None)
    assert unknown.value is None
    assert decode_headers(encode_headers(headers)) == headers
    assert row["as_of"] == dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
