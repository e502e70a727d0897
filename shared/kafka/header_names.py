"""Reads a batch that the client cannot: one of its records has a header whose name is no UTF-8.

Any producer may write such a name, and the client then fails at every reading of its partition.
The batch is fetched once more, and read by the client's other unpacking, written in Python,
with what is no text in a name as `\\xff`. It rests on private names of aiokafka's.
"""
# ruff: noqa: SLF001 - there is no public way

from typing import Any, Self, SupportsIndex, overload

from aiokafka.errors import NoError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition as KafkaPartition

from shared.errors import Transient
from shared.kafka.cluster import TopicPartition
from shared.messages import Messages

_READ_COMMITTED = 1
_WAIT_MS = 1_000


class HeaderNameNotText(Exception):
    """The next batch of a partition, from `offset` on, has a header name that is no UTF-8."""

    def __init__(self, partition: TopicPartition, offset: int) -> None:
        super().__init__(f"{partition.topic}[{partition.partition}] from offset {offset}")
        self.partition = partition
        self.offset = offset


class _Forgiving(bytearray):
    """Bytes that read as text whatever they are."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> int | bytearray:
        found = super().__getitem__(index)
        return found if isinstance(found, int) else type(self)(found)

    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


async def read_batch(client: Any, at: HeaderNameNotText, max_bytes: int) -> tuple[Messages, int]:
    """Return the records of the batch from an offset on, and the offset past the batch.

    Raises Transient where the broker's answer does not hold it.
    """
    topic, partition = at.partition
    node = client.cluster.leader_for_partition(KafkaPartition(topic, partition))
    if node is None or node < 0:
        raise Transient(f"{topic}[{partition}] has no leader")
    wanted = [(topic, [(partition, at.offset, max_bytes)])]
    answer = await client.send(node, FetchRequest(_WAIT_MS, 1, max_bytes, _READ_COMMITTED, wanted))
    ((_, ((_, code, *_, fetched),)),) = answer.topics
    if for_code(code) is not NoError:
        raise Transient(f"{topic}[{partition}] cannot be read: {for_code(code).__name__}")
    batch = _batch_at(fetched, at.offset)
    if batch is None:
        raise Transient(f"{topic}[{partition}] was not sent whole from offset {at.offset} on")
    batch._maybe_uncompress()
    batch._buffer = _Forgiving(batch._buffer)
    records = [record for record in batch if record.offset >= at.offset]
    return Messages.unpacked(topic, partition, records), batch.next_offset


def _batch_at(fetched: bytes, offset: int) -> Any:
    """Return the batch that holds an offset, in the form whose bytes can be got at."""
    batches = _MemoryRecordsPy(bytes(fetched))
    while (raw := batches._next_slice) is not None:
        batches._cache_next()
        batch = _DefaultRecordBatchPy(raw)
        if batch.next_offset > offset:
            return batch
    return None
