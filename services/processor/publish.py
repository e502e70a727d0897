"""Hands derived rows to the broker and returns when all of them are acknowledged."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from services.processor.derive import Derived
from shared.kafka import Producer
from shared.metrics import PROCESSOR_ROWS, instrument
from shared.record import Record, Rows, encode

SOURCE = "processor"


class Outlet:
    """Publishes what was derived, under one prefix of topics; its waits are the producer's."""

    def __init__(self, producer: Producer, prefix: str, outputs: Iterable[str]) -> None:
        self._producer = producer
        self._prefix = prefix
        self.outputs = frozenset(outputs)

    async def publish(self, derived: Sequence[Derived]) -> None:
        """Publish rows of datasets that are asked for; raises Transient where the broker is away.

        Rows of one dataset keep their order. A call that failed may be repeated: rows are
        versions of their keys.
        """
        for name in dict.fromkeys(one.dataset.name for one in derived):
            if name not in self.outputs:
                continue
            alike = [one for one in derived if one.dataset.name == name]
            table = pa.concat_tables([one.table for one in alike])
            as_of = pa.chunked_array([chunk for one in alike for chunk in one.as_of.chunks])
            rows = Rows(alike[0].dataset, table, as_of, SOURCE)
            await self._producer.publish(encode(rows, self._prefix))
            instrument(PROCESSOR_ROWS).labels(dataset=name).inc(table.num_rows)

    async def pass_on(self, records: Iterable[Record]) -> None:
        """Publish records as they are."""
        await self._producer.publish(records)
