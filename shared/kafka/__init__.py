"""Producers, consumers and topics: the only home of aiokafka."""

from shared.kafka.cluster import Cluster, TopicPartition, connect, ping
from shared.kafka.consumer import Consumer
from shared.kafka.faults import OffsetOutOfRange
from shared.kafka.membership import AssignmentListener
from shared.kafka.producer import Producer, Published, partition_for
from shared.kafka.ranges import Ranges
from shared.kafka.topics import (
    TopicSpec,
    declared_topics,
    delete_topics,
    ensure_topics,
    list_partitions,
)
from shared.kafka.watermarks import Watermarks
from shared.kafka.whole import read_whole

__all__ = [
    "AssignmentListener",
    "Cluster",
    "Consumer",
    "OffsetOutOfRange",
    "Producer",
    "Published",
    "Ranges",
    "TopicPartition",
    "TopicSpec",
    "Watermarks",
    "connect",
    "declared_topics",
    "delete_topics",
    "ensure_topics",
    "list_partitions",
    "partition_for",
    "ping",
    "read_whole",
]
