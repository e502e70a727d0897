"""Topics are made as declared, once, whoever asks, on every broker."""

import asyncio
import logging

import pytest

from shared.errors import ConfigError
from shared.kafka import Cluster, TopicSpec, delete_topics, ensure_topics, list_partitions


async def test_makes_what_is_missing_and_only_that(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    one, other = f"{topic_prefix}one", f"{topic_prefix}other"
    assert await ensure_topics(each_cluster, [TopicSpec(one, partitions=2)]) == {one: 2}
    specs = [TopicSpec(one, partitions=2), TopicSpec(other, partitions=3, compacted=True)]
    assert await ensure_topics(each_cluster, specs) == {one: 2, other: 3}
    assert await list_partitions(each_cluster, [other, f"{topic_prefix}absent"]) == {other: 3}


async def test_many_may_make_the_same_topics_at_once(
    each_cluster: Cluster, topic_prefix: str
) -> None:
    names = [f"{topic_prefix}{number}" for number in range(3)]
    specs = [TopicSpec(name, partitions=2) for name in names]
    made = await asyncio.gather(*(ensure_topics(each_cluster, specs) for _ in range(6)))
    assert made == [dict.fromkeys(names, 2)] * 6


async def test_a_topic_with_fewer_partitions_is_used_and_warned_about(
    each_cluster: Cluster, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{topic_prefix}narrow"
    await ensure_topics(each_cluster, [TopicSpec(name, partitions=1)])
    with caplog.at_level(logging.WARNING, logger="shared.kafka"):
        assert await ensure_topics(each_cluster, [TopicSpec(name, partitions=4)]) == {name: 1}
    assert f"{name} has 1 partitions where 4 are declared" in caplog.text


async def test_deleted_topics_are_gone(each_cluster: Cluster, topic_prefix: str) -> None:
    name = f"{topic_prefix}brief"
    await ensure_topics(each_cluster, [TopicSpec(name, partitions=1)])
    await delete_topics(each_cluster, [name, f"{topic_prefix}absent"])
    assert await list_partitions(each_cluster, [name]) == {}


async def test_replicas_that_cannot_be_are_a_wrong_setting(
    cluster: Cluster, topic_prefix: str
) -> None:
    if cluster.embedded:
        pytest.skip("the embedded broker takes any number of replicas")
    with pytest.raises(ConfigError, match=r"wide.*KAFKA_REPLICATION_FACTOR"):
        await ensure_topics(cluster, [TopicSpec(f"{topic_prefix}wide", replication_factor=3)])
