"""Topics: made where they are missing, as they are declared, and looked up."""

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.dataset import Dataset
from shared.errors import ConfigError, Transient
from shared.kafka.cluster import Cluster, close_whole
from shared.kafka.faults import translate, translated
from shared.settings import Settings

log = logging.getLogger(__name__)

_MILLISECOND = dt.timedelta(milliseconds=1)
_VISIBLE_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be made.

    retention_ms  how long records are kept; None: for ever
    compacted     only the newest record of each key is kept
    config        further settings of the topic, by Kafka's own names
    """

    name: str
    partitions: int = 4
    replication_factor: int = 1
    retention_ms: int | None = None
    compacted: bool = False
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The topic's settings by Kafka's names."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(-1 if self.retention_ms is None else self.retention_ms),
            **self.config,
        }


def declared_topics(settings: Settings, datasets: Iterable[Dataset]) -> list[TopicSpec]:
    """Return the datasets' topics as the settings want them made."""
    return [
        TopicSpec(
            dataset.topic(settings.kafka_topic_prefix),
            settings.kafka_topic_partitions,
            settings.kafka_replication_factor,
            dataset.retention // _MILLISECOND if dataset.retention else None,
        )
        for dataset in datasets
    ]


async def ensure_topics(cluster: Cluster, specs: Iterable[TopicSpec]) -> dict[str, int]:
    """Make the topics that are missing; return how many partitions each now has.

    Safe where several processes do it at once. A topic that exists is used as it
    is; one with fewer partitions than declared is warned about. Raises Transient
    where the broker is away, ConfigError where it refuses a topic's settings.
    """
    wanted = {spec.name: spec for spec in specs}
    async with _admin(cluster) as admin:
        found = await _partitions(admin)
        missing = [spec for name, spec in wanted.items() if name not in found]
        if missing:
            await _create(admin, missing)
            found = await _visible(admin, wanted)
    for name, spec in wanted.items():
        if found[name] < spec.partitions:
            log.warning(
                "topic %s has %d partitions where %d are declared; it is used as it is",
                name, found[name], spec.partitions,
            )  # fmt: skip
    return {name: found[name] for name in wanted}


async def list_partitions(cluster: Cluster, names: Iterable[str]) -> dict[str, int]:
    """Return how many partitions each topic has; topics that do not exist are left out.

    Raises Transient where the broker is away. Creates nothing.
    """
    async with _admin(cluster) as admin:
        found = await _partitions(admin)
    return {name: found[name] for name in names if name in found}


async def delete_topics(cluster: Cluster, names: Iterable[str]) -> None:
    """Delete topics with all their records; missing ones are passed over."""
    async with _admin(cluster) as admin:
        await admin.delete_topics(list(names))


@asynccontextmanager
async def _admin(cluster: Cluster) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**cluster.options)
    try:
        with translated(f"Kafka at {cluster.bootstrap_servers}"):
            await admin.start()
            yield admin
    finally:
        await close_whole(admin)


async def _partitions(admin: Any) -> dict[str, int]:
    # Every topic is asked for: a question by name would create the topic.
    return {
        topic["topic"]: len(topic["partitions"])
        for topic in await admin.describe_topics()
        if for_code(topic["error_code"]) is NoError
        and all(partition["leader"] >= 0 for partition in topic["partitions"])
    }


async def _create(admin: Any, specs: list[TopicSpec]) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                spec.name, spec.partitions, spec.replication_factor, topic_configs=spec.settings
            )
            for spec in specs
        ]
    )
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if error in (NoError, TopicAlreadyExistsError):
            continue
        fault = translate(error(message), f"topic {name} cannot be created")
        if isinstance(fault, ConfigError):
            raise ConfigError(
                f"{fault}; check KAFKA_REPLICATION_FACTOR and KAFKA_TOPIC_PARTITIONS"
            ) from None
        raise fault


async def _visible(admin: Any, names: Iterable[str]) -> dict[str, int]:
    """Wait, bounded, until a broker knows every topic and its leaders."""
    waiting = set(names)
    try:
        async with asyncio.timeout(_VISIBLE_WITHIN_S):
            found = await _partitions(admin)
            while not waiting <= found.keys():
                await asyncio.sleep(0.05)
                found = await _partitions(admin)
    except TimeoutError as exc:
        raise Transient(
            f"topics {', '.join(sorted(waiting))} were created, but their partitions have no "
            f"leader after {_VISIBLE_WITHIN_S:g} s; see the broker's log"
        ) from exc
    return found
