"""The consumer's thread: what it fetches, and which offsets that covers."""
# ruff: noqa: SLF001 - there is no public way

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

_FETCH_WAIT_MS = 100


class Chunk(NamedTuple):
    """What a fetch returned of a partition: all of its records from `begin` up to `end`."""

    begin: int
    end: int
    records: list[Any]

    def pieces(self) -> Iterator[tuple[int, Any]]:
        """Yield each record and behind which offset it ends; last, what holds none."""
        end = self.begin
        for record in self.records:
            end = record.offset + 1
            yield end, record
        if end < self.end:
            yield self.end, None


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, and tells which offsets a fetch covers."""

    logger = driver.logger

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        return consumer

    async def _fetch_records(  # type: ignore[override]  # chunks for records
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float = 0.0,  # noqa: ASYNC109 - Faust's
        max_records: int | None = None,
    ) -> dict[TP, Chunk]:
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise self.consumer.consumer_stopped_errors[0]
        with fetcher._subscriptions.fetch_context():
            chunks = await _drained(fetcher, active_partitions)
            if chunks or not self.consumer.flow_active:
                return chunks
            fetched = fetcher._create_fetch_waiter()
            await asyncio.wait([fetched], timeout=timeout)
            if not fetched.done():
                fetched.cancel()
                return {}
            fetched.result()
            return await _drained(fetcher, active_partitions)


async def _drained(fetcher: Any, partitions: set[TP]) -> dict[TP, Chunk]:
    """Return what was fetched already; nothing else runs meanwhile, so positions are exact."""
    subscriptions = fetcher._subscriptions
    held = subscriptions.subscription and subscriptions.subscription.assignment
    if subscriptions.reassignment_in_progress or held is None:
        return {}
    states = {tp: state for tp in partitions if (state := held.state_value(tp)) is not None}
    begins = {tp: state.position for tp, state in states.items() if state.has_valid_position}
    drained = await fetcher.fetched_records(begins.keys(), timeout=0) if begins else {}
    return {
        tp: Chunk(begin, states[tp].position, drained.get(tp, []))
        for tp, begin in begins.items()
        if states[tp].position != begin
    }
