"""What the rule of versions changes in the store for keys that SQL leaves to it."""

import datetime as dt
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

import pyarrow as pa

from shared.database.fold import Key, Records, Row, to_row, to_run
from shared.dataset import Dataset
from shared.versions import Outcome, Run, absorb


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes, and how many records updated or confirmed a run.

    gone     revisions to delete: their keys and as_of
    put      revisions to insert, all columns given
    change   current rows to overwrite, all columns given
    """

    gone: pa.Table
    put: pa.Table
    change: pa.Table
    updated: int
    confirmed: int


def plan(
    dataset: Dataset,
    records: Records,
    stored: pa.Table,
    *,
    replayed: Container[tuple[int, int]] = (),
) -> Plan:
    """Return the changes that make the stored versions those after all records.

    `stored` are all stored versions of the records' keys, each with the time it is `now`;
    each key has one at least. A record of the partitions and offsets in `replayed` wins no tie.
    """
    before: dict[Key, list[Row]] = {key: [] for key in records}
    for row in stored.to_pylist():
        before[tuple(row[name] for name in dataset.key)].append(row)
    keys = [_KeyPlan(dataset, key, before[key]) for key in records]
    for key in keys:
        key.add(records[key.key], replayed)
    identity = pa.schema([dataset.stored_schema.field(n) for n in (*dataset.key, "as_of")])
    return Plan(
        gone=pa.Table.from_pylist([row for key in keys for row in key.gone], identity),
        put=pa.Table.from_pylist([row for key in keys for row in key.put], dataset.stored_schema),
        change=pa.Table.from_pylist(
            [row for key in keys for row in key.change], dataset.stored_schema
        ),
        updated=sum(key.updated for key in keys),
        confirmed=sum(key.confirmed for key in keys),
    )


class _KeyPlan:
    """The stored versions of one key, and what records make of them."""

    def __init__(self, dataset: Dataset, key: Key, rows: list[Row]) -> None:
        self.key = key
        self.gone: list[Row] = []
        self.put: list[Row] = []
        self.change: list[Row] = []
        self.updated = self.confirmed = 0
        self._dataset = dataset
        self._now: dt.datetime = rows[0]["now"]
        self._rows = {row["as_of"]: row for row in rows}
        self._old = {as_of: to_run(dataset, self._rows[as_of]) for as_of in sorted(self._rows)}

    def add(self, arrived: Iterable[Row], replayed: Container[tuple[int, int]]) -> None:
        """Let the records join the runs in order, and note what that changes in the store."""
        old = list(self._old.values())
        runs = list(old)
        for record in arrived:
            first = (record["kafka_partition"], record["kafka_offset"]) not in replayed
            outcome = absorb(runs, to_run(self._dataset, record), wins_tie=first)
            self.updated += outcome is Outcome.UPDATED
            self.confirmed += outcome is Outcome.CONFIRMED
        kept = {run.as_of: run for run in old[:-1]}
        wanted = {run.as_of: run for run in runs[:-1]}
        identity = dict(zip(self._dataset.key, self.key, strict=True))
        for as_of, run in kept.items():
            if wanted.get(as_of) != run:
                self.gone.append(identity | {"as_of": as_of})
        self.put = [self._stamped(run) for as_of, run in wanted.items() if kept.get(as_of) != run]
        if runs[-1] != old[-1]:
            self.change = [self._stamped(runs[-1])]

    def _stamped(self, run: Run) -> Row:
        """Return a run as a row; to be seen again, or to be replaced, is no update of it."""
        row = to_row(self._dataset, self.key, run)
        old = self._old.get(run.as_of)
        same = old is not None and replace(run, confirmed_as_of=old.confirmed_as_of) == old
        updated_at = self._rows[run.as_of]["updated_at"] if same else self._now
        return row | {"created_at": row["created_at"] or self._now, "updated_at": updated_at}
