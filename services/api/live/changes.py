"""Which messages became versions, and their rows as JSON."""

import datetime as dt
from asyncio import to_thread
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from services.api.formats.texts import json_lines
from services.api.queries import select_changes
from services.api.view import rows_of
from shared.database.base import Database
from shared.dataset import Dataset
from shared.decode import decode
from shared.messages import Messages


@dataclass(frozen=True, slots=True)
class Change:
    """A version: which message made it in which epoch, and its row as one line of JSON."""

    epoch: int
    offset: int
    line: bytes


class Changes:
    """Looks up what the messages of a dataset became."""

    def __init__(self, database: Database, dataset: Dataset, timeout_ms: int) -> None:
        self._database = database
        self._dataset = dataset
        self._timeout_ms = timeout_ms
        self._columns = rows_of(dataset).columns
        self._sql = select_changes(dataset, self._columns, database.backend).sql

    async def of(self, partition: int, messages: Messages) -> list[Change]:
        """Return the versions that messages of one partition became, in order of offset.

        Confirmations, refused records and those of aborted transactions became none. Raises
        Transient while the database is away.
        """
        if not messages:
            return []
        parameters = await to_thread(self._parameters, messages)
        if not parameters[0]:
            return []
        found = await self._database.fetch(
            self._sql, (partition, *parameters), timeout_ms=self._timeout_ms
        )
        return await to_thread(self._told, found)

    def _parameters(self, messages: Messages) -> list[list[Any]]:
        rows = decode(self._dataset, messages, dt.datetime.now(dt.UTC)).table
        return [rows[name].to_pylist() for name in ("kafka_offset", *self._dataset.key)]

    def _told(self, found: pa.Table) -> list[Change]:
        offsets = found["kafka_offset"].to_pylist()
        epochs = found["kafka_epoch"].to_pylist()
        rows = found.select(range(len(self._columns))).combine_chunks().to_batches()
        cast = (
            pa.RecordBatch.from_arrays(
                [
                    array.cast(column.kind.arrow)
                    for array, column in zip(batch.columns, self._columns, strict=True)
                ],
                [column.name for column in self._columns],
            )
            for batch in rows
        )
        lines = [
            line for batch in cast for line in json_lines(batch, self._columns, "\n").splitlines()
        ]
        told = {
            (offset, epoch): line
            for offset, epoch, line in reversed(list(zip(offsets, epochs, lines, strict=True)))
        }
        return [Change(epoch, offset, line) for (offset, epoch), line in sorted(told.items())]
