"""A batch laid out by key: what SQL may decide row by row, and what the rule must decide."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shared.database.base import Batch
from shared.database.sql import INTRICATE
from shared.dataset import Dataset
from shared.versions import Run

Key = tuple[Any, ...]
Row = dict[str, Any]
Records = dict[Key, list[Row]]
"""Records of some keys, those of each in order of arrival."""


@dataclass(frozen=True, slots=True)
class ByKey:
    """A batch by key.

    incoming   one row a key, in order of the keys and in the columns of
               `Statements.incoming_columns`: its record, or of several the first, or where rows
               have no versions the last
    rows       every record of the batch, in order of arrival, in the same columns
    repeated   how many keys are left to the rule, having come more than once or in a replay
    places     where each row of incoming stands in rows
    replayed   partition and offset of the messages that repeat a dead letter
    """

    dataset: Dataset
    incoming: pa.Table
    rows: pa.Table
    repeated: int
    places: npt.NDArray[np.int64]
    replayed: frozenset[tuple[int, int]] = frozenset()

    def without(self, gone: npt.NDArray[np.bool_]) -> "ByKey":
        """Return the batch without some of its keys, none of which came twice."""
        kept = np.ones(self.rows.num_rows, np.bool_)
        kept[self.places[gone]] = False
        rows = self.rows.filter(pa.array(kept))
        places = (np.cumsum(kept) - 1)[self.places[~gone]]
        return replace(
            self, incoming=self.incoming.filter(pa.array(~gone)), rows=rows, places=places
        )

    def records(self, late: pa.Table | None) -> "Records":
        """Return the records of repeated keys, and of those in `late`, in order of arrival."""
        chosen = self.rows.filter(pc.field(INTRICATE))
        if late is not None:
            chosen = pa.concat_tables([chosen, self._alone(late)])
        found: Records = {}
        for row in chosen.to_pylist():
            key = tuple(row[name] for name in self.dataset.key)
            found.setdefault(key, []).append(row)
        return found

    def _alone(self, keys: pa.Table) -> pa.Table:
        """Return the records of keys that came once."""
        alone = self.rows.filter(~pc.field(INTRICATE))
        places = pa.array(np.arange(alone.num_rows))
        placed = alone.select(self.dataset.key).append_column("place", places)
        found = placed.join(keys, list(self.dataset.key), join_type="left semi", use_threads=False)
        return alone.take(found["place"])


def by_key(batch: Batch) -> ByKey:
    """Lay out a batch by key; CPU work on whole columns."""
    dataset, table = batch.dataset, batch.table
    place = table.schema.get_field_index("kafka_partition")
    table = table.add_column(place, pa.field("kafka_epoch", pa.int32()), _epochs(batch))

    codes = codes_of(table, dataset.key)
    keys, first, inverse, counts = np.unique(
        codes, return_index=True, return_inverse=True, return_counts=True
    )
    several = counts > 1
    replayed = frozenset((message.partition, message.offset) for _, message in batch.replayed)
    again = _are_at(table, replayed)
    several[inverse[again]] = True
    intricate = several[inverse] if dataset.versioned else again
    table = table.append_column(INTRICATE, pa.array(intricate, pa.bool_()))
    chosen = first
    if not dataset.versioned:
        chosen = np.zeros(len(keys), np.int64)
        for which in (again, ~again):
            chosen[inverse[which]] = np.flatnonzero(which)
    in_order = len(keys) == len(codes) and (np.diff(chosen) > 0).all()
    incoming = table if in_order else table.take(pa.array(chosen))
    return ByKey(dataset, incoming, table, int(several.sum()), chosen, replayed)


def key_table(dataset: Dataset, keys: Iterable[Key]) -> pa.Table:
    """Return keys as a table."""
    schema = pa.schema([dataset.stored_schema.field(name) for name in dataset.key])
    rows = [dict(zip(dataset.key, key, strict=True)) for key in keys]
    return pa.Table.from_pylist(rows, schema)


def to_run(dataset: Dataset, row: Mapping[str, Any]) -> Run:
    """Return a record, or a stored row, as a run."""
    return Run(
        as_of=row["as_of"],
        confirmed_as_of=row.get("confirmed_as_of", row["as_of"]),
        values=tuple(row[c.name] for c in dataset.values if c.versioned),
        latest=tuple(row[c.name] for c in dataset.values if not c.versioned),
        origin=tuple(row.get(name) for name in _ORIGIN),
    )


def to_row(dataset: Dataset, key: Key, run: Run) -> Row:
    """Return a run as a row of the table, in the order of its columns, without updated_at."""
    row: Row = dict(zip(dataset.key, key, strict=True))
    row |= zip((c.name for c in dataset.values if c.versioned), run.values, strict=True)
    row |= zip((c.name for c in dataset.values if not c.versioned), run.latest, strict=True)
    row |= {"as_of": run.as_of, "confirmed_as_of": run.confirmed_as_of}
    row |= zip(_ORIGIN, run.origin, strict=True)
    return row


_FAR = 2**62
_ORIGIN = ("source", "kafka_epoch", "kafka_partition", "kafka_offset", "created_at")


def _epochs(batch: Batch) -> pa.Array:
    """Return each row's epoch, null where no move says how its partition is read."""
    epochs = {move.end.partition: move.end.epoch for move in batch.moves}
    partitions = pc.dictionary_encode(batch.table["kafka_partition"].combine_chunks())
    known = [epochs.get(partition) for partition in partitions.dictionary.to_pylist()]
    return pa.array(known, pa.int32()).take(partitions.indices)


def _are_at(table: pa.Table, places: frozenset[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    """Return which rows came with the messages at these partitions and offsets."""
    if not places:
        return np.zeros(table.num_rows, np.bool_)
    stood = (table[name].to_pylist() for name in ("kafka_partition", "kafka_offset"))
    return np.array([place in places for place in zip(*stood, strict=True)], np.bool_)


def codes_of(table: pa.Table, columns: Iterable[str]) -> npt.NDArray[np.int64]:
    """Return a number a row, in the order of what the columns hold, and equal where that is."""
    codes, bound = np.zeros(table.num_rows, np.int64), 1
    for name in columns:
        encoded = pc.dictionary_encode(table[name].combine_chunks())
        distinct = len(encoded.dictionary)
        # A null, which the database will refuse, is one more.
        ranks = np.full(distinct + 1, distinct)
        ranks[pc.array_sort_indices(encoded.dictionary).to_numpy()] = np.arange(distinct)
        if bound * (distinct + 1) >= _FAR:
            found, codes = np.unique(codes, return_inverse=True)
            bound = len(found)
        codes = codes * (distinct + 1) + ranks[encoded.indices.fill_null(distinct).to_numpy()]
        bound *= distinct + 1
    return codes
