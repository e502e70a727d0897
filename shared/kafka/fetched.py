"""What was fetched, handed on as columns: aiokafka's object a record costs four times as much.

aiokafka keeps each partition's answer to a fetch beside an iterator of its records. That
iterator is exchanged for one of blocks; the rest of its bookkeeping, which moves positions and
drops what was fetched before a seek, goes by `next_fetch_offset` and stays as it is. The bytes
of a batch, which its objects give nobody, are kept from the broker's answer.
"""
# ruff: noqa: SLF001 - there is no public way

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.kafka.cluster import TopicPartition
from shared.kafka.header_names import HeaderNameNotText
from shared.kafka.record_batch import RecordBatch, batches
from shared.kafka.record_headers import KnownHeaders
from shared.kafka.varints import NotReadable
from shared.messages import Messages

BLOCK_ROWS = 2_000
BLOCK_BYTES = 1024 * 1024
_FETCH = 1  # which of the protocol's requests it is


class Blocks:
    """How large the blocks are that a consumer hands on; may be changed between two polls."""

    def __init__(self) -> None:
        self.rows = BLOCK_ROWS
        self._known = KnownHeaders()

    def install(self, consumer: Any) -> None:
        """Make a started aiokafka consumer hand on `Messages`, one for each record it counts."""
        fetcher = consumer._fetcher
        fetcher._client = answers = _Answers(fetcher._client)
        fetcher._records = _Fetched(self, answers)

    def unpack(self, fetched: Any, raw: bytes) -> Iterator[Messages]:
        """Yield the committed records of one partition's fetch, a block at a time.

        Raises HeaderNameNotText once it has yielded all that lies before such a batch.
        """
        topic, partition = fetched._tp
        block: list[Messages] = []
        rows = size = 0
        for batch, data in _committed(fetched, raw):
            read = self._reader(batch, data, topic, partition)
            while True:
                begin = fetched.next_fetch_offset
                try:
                    messages = read(begin, self.rows - rows)
                except UnicodeDecodeError as exc:
                    if block:
                        yield Messages.joined(block)
                    raise HeaderNameNotText(TopicPartition(topic, partition), begin) from exc
                if not messages:
                    break
                block.append(messages)
                rows, size = rows + len(messages), size + messages.size_bytes
                fetched.next_fetch_offset = int(messages.offsets[-1]) + 1
                if rows >= self.rows or size >= BLOCK_BYTES:
                    yield Messages.joined(block)
                    block, rows, size = [], 0, 0
            # Past records that were compacted away, too.
            fetched.next_fetch_offset = batch.next_offset
        if block:
            yield Messages.joined(block)

    def _reader(
        self, batch: Any, data: memoryview, topic: str, partition: int
    ) -> Callable[[int, int], Messages]:
        """Return what reads, from an offset on, the next so many records of a batch.

        There are none at its end. What cannot be read as columns is read by the client, record
        by record.
        """
        try:
            whole = RecordBatch.read(data)
        except NotReadable:
            unread = chain(batch)

            def read_on(begin: int, count: int) -> Messages:
                later = (record for record in unread if record.offset >= begin)
                return Messages.unpacked(topic, partition, list(islice(later, count)))

            return read_on

        def read(begin: int, count: int) -> Messages:
            start = int(np.searchsorted(whole.offsets, begin))
            chosen = slice(start, start + count)
            try:
                return whole.messages(topic, partition, chosen, self._known)
            except NotReadable as exc:
                raise CorruptRecordException(f"{topic}[{partition}] from offset {begin}") from exc

        return read


class _Answers:
    """The client of a fetcher, with the bytes that its last answer held of each partition."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.raw: dict[Any, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, *request: Any, **options: Any) -> Any:
        """Send a request; the fetcher takes an answer apart before anything else is sent."""
        answer = await self._client.send(*request, **options)
        if getattr(answer, "API_KEY", None) == _FETCH:
            self.raw = {
                KafkaPartition(topic, partition): fetched
                for topic, partitions in answer.topics
                for partition, *_, fetched in partitions
            }
        return answer


class _Fetched(OrderedDict[Any, Any]):
    """aiokafka's answers by partition, each made to be read by blocks."""

    def __init__(self, blocks: Blocks, answers: _Answers) -> None:
        super().__init__()
        self._blocks = blocks
        self._answers = answers

    def __setitem__(self, partition: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            fetched = result._partition_records
            raw = self._answers.raw.pop(partition)
            fetched._records_iterator = self._blocks.unpack(fetched, raw)
        super().__setitem__(partition, result)


def _committed(fetched: Any, raw: bytes) -> Iterator[tuple[Any, memoryview]]:
    """Yield the batches of a fetch that hold records to hand on, and the bytes of each.

    The offset goes past the others. Raises CorruptRecordException where a checksum is wrong.
    """
    for data in batches(raw):
        batch = fetched._records.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"wrong checksum in {fetched._tp}")
        if _aborted(fetched, batch) or batch.is_control_batch:
            fetched.next_fetch_offset = batch.next_offset
        else:
            yield batch, data


def _aborted(fetched: Any, batch: Any) -> bool:
    """Tell whether a batch belongs to a transaction that was aborted."""
    if batch.producer_id is None:
        return False
    fetched._consume_aborted_up_to(batch.base_offset)
    if batch.is_control_batch and fetched._contains_abort_marker(batch):
        fetched._aborted_producers.discard(batch.producer_id)
    return batch.is_transactional and batch.producer_id in fetched._aborted_producers
