"""The API's way to the broker, taken at the first need: reads go on without one."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from services.api.problems import unavailable
from shared.errors import ConfigError, EconstreamError, Transient
from shared.kafka import (
    Cluster,
    Producer,
    Published,
    TopicSpec,
    connect,
    declared_topics,
    ensure_topics,
)
from shared.observability import get_logger
from shared.record import Record
from shared.registry import Registry
from shared.settings import Settings

CONNECT_SECONDS = 5.0
DELIVERY_SECONDS = 10.0
PUBLISH_SECONDS = 20.0
_AGAIN_SECONDS = 1.0
"""How soon after a failure the next request tries to connect; others are refused at once."""

_DAY_MS = 86_400_000
_log = get_logger(__name__)


class Broker:
    """One producer for all requests; it connects when one is first needed, and again after."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._connecting = asyncio.Lock()
        self._failed_at = float("-inf")
        self._cluster: Cluster | None = None
        self._producer: Producer | None = None

    @property
    def answers_topic(self) -> str:
        """The topic that remembers requests with an Idempotency-Key, for a day."""
        return f"{self._settings.kafka_topic_prefix}ingest-answers"

    async def cluster(self) -> Cluster:
        """Return the cluster; raises Transient while no broker answers."""
        await self._connected()
        assert self._cluster is not None
        return self._cluster

    async def publish(self, records: Sequence[Record]) -> Published:
        """Publish records and return when all are acknowledged; bounded.

        Raises Transient where the broker is away: some may be written then. Otherwise as
        `Producer.publish`.
        """
        producer = await self._connected()
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                return await producer.publish(records)
        except TimeoutError as exc:
            raise Transient(f"not acknowledged within {PUBLISH_SECONDS:g} s") from exc

    async def close(self) -> None:
        """Deliver what is under way, bounded, and close."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _connected(self) -> Producer:
        async with self._connecting:
            if self._producer is None:
                if time.monotonic() - self._failed_at < _AGAIN_SECONDS:
                    raise Transient("the broker did not answer a moment ago")
                try:
                    self._cluster, self._producer = await self._connect()
                except EconstreamError:
                    self._failed_at = time.monotonic()
                    raise
            return self._producer

    async def _connect(self) -> tuple[Cluster, Producer]:
        settings = self._settings
        cluster = await connect(settings, timeout=CONNECT_SECONDS)
        answers = TopicSpec(
            self.answers_topic,
            partitions=1,
            replication_factor=settings.kafka_replication_factor,
            retention_ms=_DAY_MS,
        )
        await ensure_topics(cluster, [*declared_topics(settings, self._registry), answers])
        return cluster, Producer(cluster, delivery_timeout=DELIVERY_SECONDS)


@contextmanager
def needing_broker(detail: str, **members: Any) -> Iterator[None]:
    """Raise Problem (503) with this detail where the broker is away, or none is configured."""
    try:
        yield
    except (Transient, ConfigError) as exc:
        _log.warning("broker_away", reason=str(exc))
        raise unavailable(detail, **members) from exc
