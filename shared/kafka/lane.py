"""One partition's way to the broker: while a batch is on its way, the next one fills."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared.kafka.cluster import TopicPartition
from shared.record import Headers, Record

Sender = Callable[[Any, TopicPartition], Awaitable[int]]


class Batch:
    """Records that reach the broker together, and the offset of the first once they have."""

    __slots__ = ("base_offset", "builder")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.base_offset: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        # A publisher that was cancelled never asks, and that is no fault.
        self.base_offset.add_done_callback(lambda done: done.cancelled() or done.exception())


class Lane:
    """Collects a partition's records and sends one batch at a time, so order is kept.

    Holds at most two batches: the one on its way and the one that fills, which
    leaves as soon as the other has arrived. So a lone record goes at once and many
    publishers share a batch, without waiting for a clock.
    """

    def __init__(
        self, partition: TopicPartition, new_builder: Callable[[], Any], send: Sender
    ) -> None:
        self._partition = partition
        self._new_builder = new_builder
        self._send = send
        self._open: Batch | None = None
        self._headers: Headers | None = None
        self._listed: list[tuple[str, bytes]] = []
        self._flight: asyncio.Task[None] | None = None

    @property
    def partition(self) -> TopicPartition:
        """The topic and partition that this lane leads to."""
        return self._partition

    def add(self, record: Record) -> tuple[Batch, int] | None:
        """Put a record into the open batch; its place, or None where the batch is full."""
        batch = self._open
        if batch is None:
            batch = self._open = Batch(self._new_builder())
        if record.headers is not self._headers:
            self._headers, self._listed = record.headers, list(record.headers)
        index: int = batch.builder.record_count()
        added = batch.builder.append(
            timestamp=record.timestamp_ms,
            key=record.key,
            value=record.value,
            headers=self._listed,
        )
        return None if added is None else (batch, index)

    def depart(self) -> None:
        """Send the open batch, now or as soon as the one on its way has arrived."""
        if self._flight is None and self._open is not None:
            batch, self._open = self._open, None
            self._flight = asyncio.create_task(self._fly(batch))
            self._flight.add_done_callback(self._landed)

    async def room(self) -> None:
        """Wait until the full batch has left; bounded by the delivery of the one before."""
        self.depart()
        if self._open is not None and self._flight is not None:
            await asyncio.wait({self._flight})

    async def settle(self) -> None:
        """Wait until nothing is open or on its way."""
        self.depart()
        while self._flight is not None:
            await asyncio.wait({self._flight})

    async def _fly(self, batch: Batch) -> None:
        try:
            batch.base_offset.set_result(await self._send(batch.builder, self._partition))
        except BaseException as exc:  # noqa: BLE001 - handed to the publishers who wait for it
            batch.base_offset.set_exception(exc)

    def _landed(self, _: asyncio.Task[None]) -> None:
        self._flight = None
        self.depart()
