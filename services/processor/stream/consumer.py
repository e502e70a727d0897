"""How records come from the broker to the streams, so that none is passed over."""
# ruff: noqa: SLF001 - there is no public way

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from services.processor.stream.committing import CommittingConsumer
from services.processor.stream.fetch import Chunk, ConsumerThread
from shared.observability import get_logger

_FETCH_SECONDS = 0.2
_ROOM_SECONDS = 0.01
_LOOK_SECONDS = 1.0
_TURN_RECORDS = 100
_log = get_logger(__name__)


class Consumer(CommittingConsumer):
    """Reads partitions without a hole.

    What was fetched is handed on in one step or not at all, and nothing while the flow is
    stopped, since Faust clears what it has in its queues before it resumes. Where something is
    missing all the same, the partition is read again from there.
    """

    logger = driver.logger

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._position = asyncio.Lock()
        self._flow = 0
        self._waiting: dict[TP, deque[tuple[int, Any]]] = {}
        self._again: set[TP] = set()
        self._gone_back: dict[TP, int] = {}
        self._suspects: dict[TP, int] = {}
        self._looked_at = 0.0

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # Where partitions are read.

    def stop_flow(self) -> None:
        """Hand on nothing more; what is fetched just now is not taken."""
        self._flow += 1
        super().stop_flow()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is in hand, then forget these partitions."""
        self._waiting.clear()
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._forget(tp)
            self.ledger.forget(tp)

    async def perform_seek(self) -> None:
        """Read the source's partitions from their committed offsets on.

        The flow stays stopped until the caller resumes it: Faust empties its queues before.
        """
        self.stop_flow()
        async with self._position:
            committed = await self._thread.seek_to_committed()
            committed = {ensure_TP(tp): offset for tp, offset in committed.items()}
            acking = self.app.topics.acks_enabled_for
            for tp, offset in committed.items():
                if not acking(tp.topic):
                    continue
                if not offset:
                    await self._thread.seek_to_beginning(driver.ensure_aiokafka_TP(tp))
                self._committed_offset[tp] = offset or None
                self._begin(tp, offset or await self._thread.position(tp) or 0)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Read partitions from these offsets on."""
        async with self._position:
            await super().seek_wait(partitions)
            for tp, offset in partitions.items():
                self._begin(ensure_TP(tp), offset)

    async def seek(self, partition: TP, offset: int) -> None:
        """Read a partition from an offset on."""
        await self.seek_wait({partition: offset})

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: nothing is fetched of a partition before all was handed on."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing."""

    def _begin(self, tp: TP, offset: int) -> None:
        self._forget(tp)
        self.ledger.begin(tp, offset)

    def _forget(self, tp: TP) -> None:
        self._waiting.pop(tp, None)
        self._again.discard(tp)
        self._gone_back.pop(tp, None)

    # How records come from the broker to the streams.

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                if not self.flow_active:
                    await self.wait(cast("Any", self.can_resume_flow))
                    continue
                await self._go_back()
                await self._hand_on()
                await self._fetch()
                self._look_for_lost()
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    async def _fetch(self) -> None:
        """Take what the broker has of partitions of which nothing waits to be handed on."""
        wanted = {tp for tp in self._get_active_partitions() if tp not in self._waiting}
        if not wanted or wanted & self._again:
            await asyncio.sleep(_ROOM_SECONDS)
            return
        async with self._position:
            flow = self._flow
            if not self.flow_active:
                return
            timeout = _ROOM_SECONDS if self._waiting else _FETCH_SECONDS
            chunks = cast("dict[TP, Chunk]", await self._thread.getmany(wanted, timeout))
            for tp, chunk in chunks.items():
                if flow == self._flow:
                    self._take(tp, chunk)
                elif self.ledger.read(tp) is not None:
                    self._again.add(tp)

    def _take(self, tp: TP, chunk: Chunk) -> None:
        read = self.ledger.read(tp)
        if read is None or chunk.begin < read:
            self._begin(tp, chunk.begin)  # as the client found it, or the topic was made anew
        elif chunk.begin > read:
            if self._gone_back.get(tp) != read:
                self._gone_back[tp] = read
                self._again.add(tp)
                return
            _log.warning("offsets_are_gone", topic=tp.topic, partition=tp.partition, begin=read,
                         end=chunk.begin)  # fmt: skip
            self.ledger.deliver(tp, chunk.begin, waits=False)
        self._waiting[tp] = deque(chunk.pieces())

    async def _hand_on(self) -> None:
        """Hand on what waits, in turns, until all of it has gone or no stream has room."""
        busy = True
        while busy:
            busy = False
            for tp in list(self._waiting):
                busy = self._turn(tp) or busy
                await asyncio.sleep(0)

    def _turn(self, tp: TP) -> bool:
        """Hand on some records of a partition, with nothing else running; return whether any."""
        pieces = self._waiting.get(tp)
        if not pieces or not self._is_open(tp):
            return False
        waits = self.app.topics.acks_enabled_for(tp.topic)
        count = min(len(pieces), self._room(tp), _TURN_RECORDS)
        for done in range(count):
            end, record = pieces[0]
            if record is not None and not self._hand(tp, record):
                return done > 0
            pieces.popleft()
            self.ledger.deliver(tp, end, waits=waits and record is not None)
        if not pieces:
            del self._waiting[tp]
        return count > 0

    def _hand(self, tp: TP, record: Any) -> bool:
        """Put a record into its streams' queues in one step; False where that would wait."""
        step = cast("Any", self.callback(self._to_message(tp, record)))
        try:
            step.send(None)
        except StopIteration:
            return True
        step.close()
        return False

    def _is_open(self, tp: TP) -> bool:
        flows = self.flow_active and self.app.flow_control.is_active()
        return flows and tp in self._get_active_partitions()

    def _queues(self, tp: TP) -> list[Any]:
        return [channel.queue for channel in cast("Any", self.app.topics)._tp_index.get(tp, ())]

    def _room(self, tp: TP) -> int:
        rooms = [queue.maxsize - queue.qsize() for queue in self._queues(tp)]
        return max(min(rooms, default=0), 0)

    # What heals.

    async def _go_back(self) -> None:
        """Read partitions again from where something of them is missing."""
        for tp in self._again & self._get_active_partitions():
            self._again.discard(tp)
            offset = self.ledger.read(tp)
            if offset is None:
                continue
            _log.warning("reading_again", topic=tp.topic, partition=tp.partition, offset=offset)
            with suppress(driver.IllegalStateError):  # type: ignore[attr-defined]  # revoked now
                async with self._position:
                    await self._thread.seek_wait({tp: offset})

    def _look_for_lost(self) -> None:
        """Have partitions read again whose records were dropped between here and the handler."""
        now = self.loop.time()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        in_hand = {message.tp for message in list(self._unacked_messages)}
        found: dict[TP, int] = {}
        for tp in self._get_active_partitions():
            next_, read = self.ledger.next(tp), self.ledger.read(tp)
            if next_ is None or next_ == read or tp in in_hand:
                continue
            if not any(queue.qsize() for queue in self._queues(tp)):
                found[tp] = next_
        for tp, offset in found.items():
            if self._suspects.get(tp) == offset:
                self._begin(tp, offset)
                self._again.add(tp)
        self._suspects = found
