"""What the rule of versions changes in the store for keys that SQL leaves to it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.database.base import Written
from shared.database.fold import Key, Row, to_row, to_run
from shared.dataset import Dataset
from shared.versions import Run, absorb


@dataclass(slots=True)
class Plan:
    """Rows to insert, update and delete, all columns given; and what became of the records."""

    update_current: list[Row] = field(default_factory=list)
    delete_revision: list[tuple[Any, ...]] = field(default_factory=list)
    insert_revision: list[Row] = field(default_factory=list)
    written: Written = field(default_factory=Written)


def plan(
    dataset: Dataset,
    records: Mapping[Key, list[Row]],
    stored: Iterable[Mapping[str, Any]],
    now: dt.datetime,
) -> Plan:
    """Return the changes that make the stored versions those after all records.

    `records` are those of each key in order of arrival, `stored` all stored versions of
    these keys; each key has one at least.
    """
    before: dict[Key, list[Mapping[str, Any]]] = {key: [] for key in records}
    for row in stored:
        before[tuple(row[name] for name in dataset.key)].append(row)
    changes = Plan()
    for key, arrived in records.items():
        _KeyPlan(dataset, key, before[key], now).add(arrived, changes)
    return changes


class _KeyPlan:
    """The stored versions of one key, and what records make of them."""

    def __init__(
        self, dataset: Dataset, key: Key, rows: Iterable[Mapping[str, Any]], now: dt.datetime
    ) -> None:
        self._dataset = dataset
        self._key = key
        self._now = now
        self._rows = {row["as_of"]: row for row in rows}
        self._old = {as_of: to_run(dataset, self._rows[as_of]) for as_of in sorted(self._rows)}

    def add(self, arrived: Iterable[Row], changes: Plan) -> None:
        """Let the records join the runs in order, and note what that changes in the store."""
        old = list(self._old.values())
        runs = list(old)
        for record in arrived:
            outcome = absorb(runs, to_run(self._dataset, record)).value
            setattr(changes.written, outcome, getattr(changes.written, outcome) + 1)
        if runs == old:
            return
        kept = {run.as_of: run for run in old[:-1]}
        wanted = {run.as_of: run for run in runs[:-1]}
        gone = [as_of for as_of, run in kept.items() if wanted.get(as_of) != run]
        put = [run for as_of, run in wanted.items() if kept.get(as_of) != run]
        changes.delete_revision += [(*self._key, as_of) for as_of in gone]
        changes.insert_revision += [self._stamped(run) for run in put]
        changes.written.revisions += max(len(wanted) - len(kept), 0)
        if runs[-1] != old[-1]:
            changes.update_current.append(self._stamped(runs[-1]))

    def _stamped(self, run: Run) -> Row:
        """Return a run as a row; to be seen again, or to be replaced, is no update of it."""
        row = to_row(self._dataset, self._key, run)
        old = self._old.get(run.as_of)
        same = old is not None and replace(run, confirmed_as_of=old.confirmed_as_of) == old
        updated_at = self._rows[run.as_of]["updated_at"] if same else self._now
        return row | {"created_at": row["created_at"] or self._now, "updated_at": updated_at}
