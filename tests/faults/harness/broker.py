"""What stands on the broker, asked of it directly: a topic's records, a group's members."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.kafka import Cluster, list_partitions


class Arrived(NamedTuple):
    """A record of the topic: where it stands and what it is called."""

    partition: int
    offset: int
    name: str


async def read_topic(cluster: Cluster, topic: str) -> dict[int, list[Arrived]]:
    """Return all records of each partition, in order."""
    counts = await list_partitions(cluster, [topic])
    partitions = [KafkaPartition(topic, number) for number in range(counts[topic])]
    consumer = AIOKafkaConsumer(**cluster.options, auto_offset_reset="none")
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[int, list[Arrived]] = {tp.partition: [] for tp in partitions}
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for tp, messages in (await consumer.getmany(timeout_ms=200)).items():
                found[tp.partition] += [
                    Arrived(tp.partition, m.offset, dict(m.headers)["source"].decode())
                    for m in messages
                ]
        return found
    finally:
        await consumer.stop()


class Group:
    """A consumer group as the broker sees it."""

    def __init__(self, admin: Any, name: str) -> None:
        self._admin = admin
        self._name = name

    async def members(self) -> set[str]:
        """Return the ids of its members."""
        return {member[0] for member in await self._described()}

    async def assignments(self, topic: str) -> list[list[int]]:
        """Return which partitions of a topic each member has."""
        found = []
        for member in await self._described():
            given = (
                ConsumerProtocolMemberAssignment.decode(member[4]).assignment if member[4] else []
            )
            found.append(sorted(p for name, some in given if name == topic for p in some))
        return sorted(found)

    async def _described(self) -> list[Any]:
        """Return what the broker says of each member: its id first, its assignment fifth."""
        try:
            (answer,) = await self._admin.describe_consumer_groups([self._name])
        except GroupCoordinatorNotAvailableError:
            return []  # a broker that has just begun keeps no groups yet
        members: list[Any] = answer.groups[0][5]
        return members

    async def dismiss(self, members: set[str]) -> None:
        """Say good-bye for members that cannot: as if their session timeout had passed."""
        node = await self._admin.find_coordinator(self._name)
        for member in members:
            request = LeaveGroupRequest(self._name, member)
            await self._admin._client.send(node, request)

    async def committed(self, topic: str) -> dict[int, int]:
        """Return the offsets that were committed to the broker for a topic."""
        found = await self._admin.list_consumer_group_offsets(self._name)
        return {tp.partition: at.offset for tp, at in found.items() if tp.topic == topic}

    async def add_partitions(self, topic: str, count: int) -> None:
        """Make a topic have so many partitions."""
        await self._admin.create_partitions({topic: NewPartitions(count)})


@asynccontextmanager
async def open_group(address: str, name: str) -> AsyncIterator[Group]:
    """Connect to the broker to look after a group."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        yield Group(admin, name)
    finally:
        await admin.close()
