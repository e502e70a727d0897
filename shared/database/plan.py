"""What the rule of versions changes in the store for keys that SQL leaves to it."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.database.base import Written
from shared.database.fold import Key, Row, to_row, to_run
from shared.dataset import Dataset
from shared.versions import Run, absorb


@dataclass(slots=True)
class Plan:
    """Rows to insert, update and delete, all columns given; and what became of the records."""

    insert_current: list[Row] = field(default_factory=list)
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
    these keys, each with `is_current`.
    """
    before: dict[Key, list[Mapping[str, Any]]] = {key: [] for key in records}
    for row in stored:
        before[tuple(row[name] for name in dataset.key)].append(row)
    changes = Plan()
    for key, arrived in records.items():
        rows = sorted(before[key], key=lambda row: row["as_of"])
        _plan_key(dataset, key, rows, arrived, now, changes)
    return changes


def _plan_key(
    dataset: Dataset,
    key: Key,
    rows: list[Mapping[str, Any]],
    arrived: list[Row],
    now: dt.datetime,
    changes: Plan,
) -> None:
    old = [to_run(dataset, row) for row in rows]
    runs = list(old)
    for record in arrived:
        is_first = not runs
        outcome = absorb(runs, to_run(dataset, record))
        counter = "inserted" if is_first else outcome.value
        setattr(changes.written, counter, getattr(changes.written, counter) + 1)
    if runs == old:
        return
    kept = {run.as_of: run for run in old[:-1]}
    wanted = {run.as_of: run for run in runs[:-1]}
    changes.delete_revision += [(*key, t) for t, run in kept.items() if wanted.get(t) != run]
    changes.insert_revision += [
        _stamped(dataset, key, run, now) for t, run in wanted.items() if kept.get(t) != run
    ]
    changes.written.revisions += max(len(wanted) - len(kept), 0)
    current = _stamped(dataset, key, runs[-1], now)
    if not old:
        changes.insert_current.append(current)
    elif runs[-1] != old[-1]:
        changes.update_current.append(current)


def _stamped(dataset: Dataset, key: Key, run: Run, now: dt.datetime) -> Row:
    row = to_row(dataset, key, run)
    return row | {"created_at": row["created_at"] or now, "updated_at": now}
