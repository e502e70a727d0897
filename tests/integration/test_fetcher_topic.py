"""The topic `fetcher-state` on real brokers: what is kept is recalled, by every fetcher alike."""

import datetime as dt

from services.fetcher.state.memory import Had
from services.fetcher.state.topic import TopicStates, remembered, state_topic
from shared.kafka import Cluster, Producer, ensure_topics, read_whole
from shared.record import Message, Record
from shared.settings import Settings

NOON = dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(hours=1)


def had(asked_at: dt.datetime, etag: str) -> Had:
    return Had(url="https://example.org/a", asked_at=asked_at, etag=etag, digests=("x",))


async def test_what_is_kept_is_recalled_and_what_is_forgotten_is_not(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    topic = state_topic(Settings(kafka_topic_prefix=topic_prefix))
    assert topic.name == f"{topic_prefix}fetcher-state"
    assert topic.settings["cleanup.policy"] == "compact"
    assert await read_whole(each_cluster, topic.name) == []
    await ensure_topics(each_cluster, [topic])
    async with Producer(each_cluster) as producer:
        states = TopicStates(each_cluster, producer, topic.name)
        assert await states.recall("fred") == {}
        await states.keep("fred", {"a": had(NOON, "1"), "b b": had(NOON, "2")})
        await states.keep("cboe", {"a": had(NOON, "3")})
        await states.keep("fred", {"a": had(LATER, "4")})
        other = TopicStates(each_cluster, producer, topic.name)
        assert await other.recall("fred") == {"a": had(LATER, "4"), "b b": had(NOON, "2")}
        await other.keep("fred", {"a": None})
        assert await states.recall("fred") == {"b b": had(NOON, "2")}
        assert await states.recall("cboe") == {"a": had(NOON, "3")}


async def test_many_records_are_read_to_the_end(each_cluster: Cluster, topic_prefix: str) -> None:
    topic = state_topic(Settings(kafka_topic_prefix=topic_prefix))
    await ensure_topics(each_cluster, [topic])
    async with Producer(each_cluster) as producer:
        await producer.publish(Record(topic.name, b"fred %d" % n, b"x" * 500) for n in range(5_000))
        found = await read_whole(each_cluster, topic.name)
    assert [message.key for message in found] == [b"fred %d" % n for n in range(5_000)]


def message(offset: int, value: bytes | None, key: bytes = b"fred a") -> Message:
    return Message("state", 0, offset, 0, key, value)


def test_of_two_fetchers_the_one_that_asked_later_counts_whoever_wrote_last() -> None:
    later, earlier = had(LATER, "new"), had(NOON, "old")
    written = [later.model_dump_json().encode(), earlier.model_dump_json().encode()]
    messages = [message(n, value) for n, value in enumerate(written)]
    assert remembered(messages, "fred") == {"a": later}


def test_a_record_that_cannot_be_read_is_forgotten() -> None:
    good = had(NOON, "1").model_dump_json().encode()
    for bad in (b"{", b"[]", b'{"url": 1}', b'{"url": "x", "asked_at": "2024-01-01T00:00:00"}'):
        assert remembered([message(0, good), message(1, bad)], "fred") == {}
    assert remembered([message(0, good, b"\xff"), message(1, good, b"")], "fred") == {}
