"""The fetchers' memory on Kafka: one record a request on the compacted topic `fetcher-state`."""

import asyncio
from collections.abc import Mapping

from pydantic import ValidationError

from services.fetcher.publish import Publisher
from services.fetcher.state.memory import Had
from shared.errors import Transient
from shared.kafka import Cluster, TopicSpec, read_whole
from shared.observability import get_logger
from shared.record import Message, Record
from shared.settings import Settings

_DAY_MS = 86_400_000
_PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds between attempts to read, while a topic has no leader yet."""
_log = get_logger(__name__)


def state_topic(settings: Settings) -> TopicSpec:
    """Return the topic as it should be made: compacted, but not within the last week."""
    return TopicSpec(
        f"{settings.kafka_topic_prefix}fetcher-state",
        partitions=1,
        replication_factor=settings.kafka_replication_factor,
        compacted=True,
        config={"min.compaction.lag.ms": str(7 * _DAY_MS), "segment.ms": str(_DAY_MS)},
    )


class TopicStates:
    """Remembers on a topic, which every fetcher of every process shares.

    Two fetchers of one source at once do no harm: each writes only what was acknowledged to
    it, and of two records of a request the one that was asked later counts, whichever was
    written later. A week passes before compaction could take that one away.
    """

    def __init__(self, cluster: Cluster, publisher: Publisher, topic: str) -> None:
        self._cluster = cluster
        self._publisher = publisher
        self._topic = topic

    async def recall(self, source: str) -> dict[str, Had]:
        """Return what is remembered of a source's requests; raises as `read` does."""
        return remembered(await self.read(), source)

    async def read(self) -> list[Message]:
        """Return all that is remembered; a topic that was only just made is waited for.

        Raises Transient where the broker is away or the topic never gets ready.
        """
        for pause in _PAUSES:
            try:
                return await read_whole(self._cluster, self._topic)
            except Transient as exc:
                _log.debug("state_not_ready", reason=str(exc))
                await asyncio.sleep(pause)
        return await read_whole(self._cluster, self._topic)

    async def keep(self, source: str, changes: Mapping[str, Had | None]) -> None:
        await self._publisher.publish(
            Record(self._topic, _key(source, name), had.model_dump_json().encode() if had else None)
            for name, had in changes.items()
        )


def remembered(messages: list[Message], source: str) -> dict[str, Had]:
    """Return what the records of the topic say of a source, by the requests' names."""
    found: dict[str, Had] = {}
    for message in messages:
        owner, _, name = (message.key or b"").decode(errors="replace").partition(" ")
        if owner != source:
            continue
        if message.value is None:
            found.pop(name, None)
            continue
        try:
            had = Had.model_validate_json(message.value)
        except ValidationError:
            _log.warning("state_not_readable", source=source, request=name, offset=message.offset)
            found.pop(name, None)
            continue
        if name not in found or found[name].asked_at <= had.asked_at:
            found[name] = had
    return found


def _key(source: str, name: str) -> bytes:
    return f"{source} {name}".encode()
