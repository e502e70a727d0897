"""What was fetched, handed on as columns: aiokafka's object a record costs four times as much.

aiokafka keeps each partition's answer to a fetch beside an iterator of its records. That
iterator is exchanged for one of blocks; the rest of its bookkeeping, which moves positions and
drops what was fetched before a seek, goes by `next_fetch_offset` and stays as it is.
"""
# ruff: noqa: SLF001 - there is no public way

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException

from shared.kafka.cluster import TopicPartition
from shared.kafka.header_names import HeaderNameNotText
from shared.messages import Messages

BLOCK_ROWS = 2_000
BLOCK_BYTES = 1024 * 1024


class Blocks:
    """How large the blocks are that a consumer hands on; may be changed between two polls."""

    def __init__(self) -> None:
        self.rows = BLOCK_ROWS

    def install(self, consumer: Any) -> None:
        """Make a started aiokafka consumer hand on `Messages`, one for each record it counts."""
        consumer._fetcher._records = _Fetched(self)

    def unpack(self, fetched: Any) -> Iterator[Messages]:
        """Yield the committed records of one partition's fetch, a block at a time.

        Raises HeaderNameNotText once it has yielded all that lies before such a batch.
        """
        topic, partition = fetched._tp
        block = Messages(topic)
        for batch in _committed(fetched):
            unread = chain(batch)
            while True:
                try:
                    records = list(islice(unread, self.rows - len(block)))
                except UnicodeDecodeError as exc:
                    if block:
                        yield block
                    at = fetched.next_fetch_offset
                    raise HeaderNameNotText(TopicPartition(topic, partition), at) from exc
                if not records:
                    break
                begin, end = fetched.next_fetch_offset, records[-1].offset + 1
                if records[0].offset < begin:
                    records = [record for record in records if record.offset >= begin]
                block.extend(Messages.unpacked(topic, partition, records))
                fetched.next_fetch_offset = max(begin, end)
                if len(block) >= self.rows or block.bytes >= BLOCK_BYTES:
                    yield block
                    block = Messages(topic)
            # Past records that were compacted away, too.
            fetched.next_fetch_offset = batch.next_offset
        if block:
            yield block


class _Fetched(OrderedDict[Any, Any]):
    """aiokafka's answers by partition, each made to be read by blocks."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self._blocks = blocks

    def __setitem__(self, partition: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            fetched = result._partition_records
            fetched._records_iterator = self._blocks.unpack(fetched)
        super().__setitem__(partition, result)


def _committed(fetched: Any) -> Iterator[Any]:
    """Yield the batches of a fetch that hold records to hand on; the offset goes past the others.

    Raises CorruptRecordException where a checksum is wrong.
    """
    while fetched._records.has_next():
        batch = fetched._records.next_batch()
        if not batch.validate_crc():
            raise CorruptRecordException(f"wrong checksum in {fetched._tp}")
        if _aborted(fetched, batch) or batch.is_control_batch:
            fetched.next_fetch_offset = batch.next_offset
        else:
            yield batch


def _aborted(fetched: Any, batch: Any) -> bool:
    """Tell whether a batch belongs to a transaction that was aborted."""
    if batch.producer_id is None:
        return False
    fetched._consume_aborted_up_to(batch.base_offset)
    if batch.is_control_batch and fetched._contains_abort_marker(batch):
        fetched._aborted_producers.discard(batch.producer_id)
    return batch.is_transactional and batch.producer_id in fetched._aborted_producers
