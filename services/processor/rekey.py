"""Reads a dataset's records by its law, and sends on what arrived on another partition."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from shared.dataset import Dataset
from shared.decode import decode
from shared.kafka import partition_for
from shared.messages import Headers, Messages
from shared.metrics import PROCESSOR_RECORDS, instrument
from shared.record import Message, Record, encode_time

_ORIGIN = "origin"
_THREAD_ABOVE = 500


class Taken(NamedTuple):
    """Rows that may meet state here, and the records that belong to other partitions."""

    table: pa.Table
    foreign: list[Record]


class Intake:
    """Reads one dataset; what breaks its law is counted, and the loader keeps it as dead letter."""

    def __init__(self, dataset: Dataset, prefix: str) -> None:
        self.dataset = dataset
        self.topic = dataset.topic(prefix)
        self.rekeyed = f"{prefix}processor-{dataset.name}-rekeyed"

    async def take(self, messages: Messages, partitions: int) -> Taken:
        """Return what a batch holds; rows keep the partition and offset they first had."""
        table = await self.read(messages)
        if messages.topic == self.rekeyed:
            return Taken(_original(table, messages), [])
        return self._parted(table, messages, partitions)

    def original(self, message: Message) -> Message:
        """Return a message that was sent on as it stood on the dataset's own topic."""
        if message.topic != self.rekeyed:
            return message
        partition, offset = _origin(message.headers)
        return message._replace(topic=self.topic, partition=partition, offset=offset)

    async def read(self, messages: Messages) -> pa.Table:
        """Return the rows of a batch, wherever they belong, with as_of and where they stood."""
        now = dt.datetime.now(dt.UTC)
        if len(messages) > _THREAD_ABOVE:
            decoded = await asyncio.to_thread(decode, self.dataset, messages, now)
        else:
            decoded = decode(self.dataset, messages, now)
        counter = instrument(PROCESSOR_RECORDS)
        counter.labels(self.dataset.name, "taken").inc(decoded.table.num_rows)
        counter.labels(self.dataset.name, "refused").inc(len(decoded.rejected))
        return decoded.table

    def _parted(self, table: pa.Table, messages: Messages, partitions: int) -> Taken:
        names = table[self.dataset.entity].combine_chunks().dictionary_encode()
        right = np.array(
            [partition_for(n.encode(), partitions) for n in names.dictionary.to_pylist()]
        )
        at = table["kafka_partition"].to_numpy()
        at_home = right[names.indices.to_numpy()] == at if len(right) else np.empty(0, bool)
        if at_home.all():
            return Taken(table, [])
        return Taken(
            table.filter(pa.array(at_home)),
            list(self._foreign(table.filter(pa.array(~at_home)), messages)),
        )

    def _foreign(self, rows: pa.Table, messages: Messages) -> Sequence[Record]:
        values = dict(zip(messages.places(), messages.values, strict=True))
        found = []
        for name, partition, offset, as_of in zip(
            rows[self.dataset.entity].to_pylist(),
            rows["kafka_partition"].to_pylist(),
            rows["kafka_offset"].to_pylist(),
            rows["as_of"].to_pylist(),
            strict=True,
        ):
            headers = (
                ("as_of", encode_time(as_of).encode()),
                (_ORIGIN, f"{partition}:{offset}".encode()),
            )
            value = values[partition, offset]
            found.append(Record(self.rekeyed, name.encode(), value, headers))
        return found


def _origin(headers: Headers) -> tuple[int, int]:
    """Return the partition and offset that a record first had."""
    partition, _, offset = dict(headers)[_ORIGIN].decode().partition(":")
    return int(partition), int(offset)


def _original(table: pa.Table, messages: Messages) -> pa.Table:
    """Return rows with the partition and offset that they had on the dataset's own topic."""
    origins = dict(zip(messages.places(), messages.headers, strict=True))
    now_at = zip(
        table["kafka_partition"].to_pylist(), table["kafka_offset"].to_pylist(), strict=True
    )
    found = [_origin(origins[place]) for place in now_at]
    for index, name in enumerate(("kafka_partition", "kafka_offset")):
        column = pa.array([pair[index] for pair in found], table.schema.field(name).type)
        table = table.set_column(
            table.schema.get_field_index(name), table.schema.field(name), column
        )
    return table
