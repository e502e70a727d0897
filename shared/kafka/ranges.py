"""Reads any stretch of a partition again, without a group: what a stream of changes stands on."""

from collections.abc import Iterator
from typing import Any

from aiokafka.errors import OffsetOutOfRangeError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from shared.errors import Transient
from shared.kafka.cluster import TopicPartition
from shared.kafka.faults import OffsetOutOfRange, translated
from shared.kafka.header_names import HeaderNameNotText, read_batch
from shared.kafka.watermarks import Watermarks
from shared.messages import Messages

_READ_UNCOMMITTED = 0
_WAIT_MS = 500
_FETCH_BYTES = 1024 * 1024


class Ranges(Watermarks):
    """Reads records by their offsets, beside where partitions begin and end.

    Holds nothing of a reading: each call asks the partition's leader once, so that any number
    of readers share one connection. An async context manager.
    """

    @property
    def knows_beginnings(self) -> bool:
        """False on the embedded broker, which drops nothing: there every partition begins at 0."""
        return self._cluster.list_offsets

    async def read(
        self, partition: TopicPartition, begin: int, end: int, *, rows: int
    ) -> tuple[Messages, int]:
        """Return the records from `begin` on and before `end`, and the offset to go on at.

        There are `rows` of them at most, and no more than one answer of the broker holds;
        none where only marks of transactions stand there. Records of aborted transactions are
        among them. Raises OffsetOutOfRange where the broker no longer holds `begin`, Transient
        where it is away or sends nothing.
        """
        wanted = {partition: (begin, _FETCH_BYTES)}
        answers = await self._ask(
            wanted,
            lambda topics: FetchRequest(_WAIT_MS, 1, _FETCH_BYTES, _READ_UNCOMMITTED, topics),
        )
        *_, fetched = answers[partition]
        with translated(f"records from Kafka at {self._cluster.bootstrap_servers}"):
            found, after = await self._unpacked(partition, begin, fetched, rows)
        if after == begin:
            raise Transient(
                f"the broker sent nothing of {partition.topic}[{partition.partition}] from "
                f"offset {begin} on, where records are stored; it is asked again"
            )
        return _before(found, end), min(after, end)

    async def _unpacked(
        self, partition: TopicPartition, begin: int, fetched: Any, rows: int
    ) -> tuple[Messages, int]:
        found: list[Any] = []
        after = begin
        try:
            for records, behind in _batches(fetched, begin):
                found += records[: rows - len(found)]
                if len(found) >= rows:
                    return Messages.unpacked(*partition, found), found[-1].offset + 1
                after = behind
        except UnicodeDecodeError:
            if after == begin:
                at = HeaderNameNotText(partition, begin)
                return await read_batch(self._client, at, _FETCH_BYTES)
        return Messages.unpacked(*partition, found), after

    def _refused(self, partition: TopicPartition, code: int, asked: tuple[int, ...]) -> None:
        if for_code(code) is OffsetOutOfRangeError:
            raise OffsetOutOfRange(*partition, asked[0])
        super()._refused(partition, code, asked)


def _batches(fetched: Any, begin: int) -> Iterator[tuple[list[Any], int]]:
    """Yield each batch's records from an offset on, and the offset behind the batch."""
    batches = MemoryRecords(bytes(fetched))
    while batches.has_next():
        batch = batches.next_batch()
        if batch.next_offset <= begin:
            continue
        records = [] if batch.is_control_batch else [r for r in batch if r.offset >= begin]
        yield records, batch.next_offset


def _before(found: Messages, end: int) -> Messages:
    """Return the messages whose offsets lie before an end; they come in order."""
    if not found or found.offsets[-1] < end:
        return found
    kept = [message for message in found if message.offset < end]
    return Messages.of(kept)
