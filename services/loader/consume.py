"""The reading side: polling those partitions whose writers have room and whose topics are sound."""

import asyncio
import zlib
from collections.abc import Collection, Mapping

from services.loader.batch import Chunk, Gatherer
from services.loader.halts import Cause
from services.loader.placement import Placement
from shared.database.base import Position
from shared.errors import Transient
from shared.kafka import Consumer, OffsetOutOfRange, TopicPartition
from shared.messages import Messages
from shared.observability import get_logger
from shared.record import Message

RETRY_SECONDS = 1.0
SHORT_POLL_SECONDS = 0.05
# Unpacking holds up the event loop, and with it every answer of the database.
POLL_RECORDS = 2_000
_log = get_logger(__name__)


class Poller:
    """Polls the consumer and hands out the chunks that are due."""

    def __init__(
        self, consumer: Consumer, gatherer: Gatherer, placement: Placement, lanes: int
    ) -> None:
        self._consumer = consumer
        self._gatherer = gatherer
        self._placement = placement
        self._lanes = lanes
        self._paused: frozenset[TopicPartition] = frozenset()

    async def poll(self, lanes: Collection[int]) -> list[Chunk]:
        """Read the partitions of the lanes that have room; return those of their chunks due.

        Without any lane it is only the sign of life that the group wants, and does not wait;
        else it waits until a chunk is due, or for a moment where other lanes may have room
        soon. A partition whose topic is not as it was left is paused.
        """
        self._pause()
        try:
            polled: Mapping[TopicPartition, Messages] = await self._consumer.getmany(
                self._partitions(lanes),
                timeout_ms=max(1, int(self._seconds(lanes) * 1000)),
                max_records=POLL_RECORDS,
            )
        except OffsetOutOfRange as exc:
            what = f"it holds no offset {exc.offset}, which was to be read next"
            self._placement.pause(TopicPartition(exc.topic, exc.partition), Cause.RANGE, what)
            return []
        except Transient as exc:
            _log.warning("the broker or the database is away; waiting", reason=str(exc))
            await asyncio.sleep(RETRY_SECONDS)
            return []
        reached = await self._consumer.positions()
        if self._placement.unproven:
            polled = self._prove(polled, reached)
        if self._placement.halts:
            reached = {tp: at for tp, at in reached.items() if tp not in self._placement.halts}
        self._gatherer.add(polled, reached)
        return self._gatherer.take(lanes, self._consumer.seen_end)

    def _pause(self) -> None:
        """Keep the consumer from reading paused partitions; again after each assignment."""
        halted = frozenset(self._placement.halts)
        if gone := self._paused - halted:
            self._consumer.resume(*gone)
        if halted:
            self._consumer.pause(*halted)
        self._paused = halted

    def _prove(
        self,
        polled: Mapping[TopicPartition, Messages],
        reached: Mapping[TopicPartition, int],
    ) -> Mapping[TopicPartition, Messages]:
        """Return what was polled without the records asked for to know their topics by."""
        sound = dict(polled)
        for tp, position in list(self._placement.unproven.items()):
            messages = polled.get(tp)
            if not messages and reached.get(tp, 0) <= (position.last_offset or 0):
                continue
            if messages and _is_last_of(position, messages[0]):
                del self._placement.unproven[tp]
                del sound[tp]
                if len(messages) > 1:
                    sound[tp] = Messages.of(messages[1:])
            else:
                what = f"the record at offset {position.last_offset} is not the one stored from it"
                self._placement.pause(tp, Cause.TOPIC, what)
        return sound

    def _partitions(self, lanes: Collection[int]) -> Collection[TopicPartition] | None:
        if len(lanes) == self._lanes:
            return None
        return [tp for tp in self._consumer.assignment if self._gatherer.lane_of(tp) in lanes]

    def _seconds(self, lanes: Collection[int]) -> float:
        longest = {0: 0.0, self._lanes: float("inf")}.get(len(lanes), SHORT_POLL_SECONDS)
        return min(longest, self._gatherer.wait_seconds(lanes, self._consumer.seen_end))


def _is_last_of(position: Position, message: Message) -> bool:
    """Return whether this is the record that the position was stored after."""
    seen = (message.offset, message.timestamp_ms, zlib.crc32(message.value or b""))
    return seen == (position.last_offset, position.last_timestamp_ms, position.last_crc32)
