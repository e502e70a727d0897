"""What a fetcher tells Prometheus: runs, records, odd columns, and which upstreams are dead."""

import datetime as dt

from services.fetcher.parsing.columns import NewColumn
from services.fetcher.runs.run import RunSummary
from shared.metrics import (
    FETCHER_CIRCUIT_OPEN,
    FETCHER_FAILURES,
    FETCHER_LAST_COMPLETE,
    FETCHER_NEW_COLUMNS,
    FETCHER_NEXT_DUE,
    FETCHER_RECORDS,
    FETCHER_RUNS,
    instrument,
)


def count_run(summary: RunSummary) -> None:
    """Count a run that has ended, by its status, and what it brought."""
    source = summary.source
    instrument(FETCHER_RUNS).labels(source=source, status=summary.status).inc()
    for dataset, records in summary.by_dataset.items():
        instrument(FETCHER_RECORDS).labels(source=source, dataset=dataset).inc(records)
    columns = sum(n for said, n in summary.warnings.items() if isinstance(said, NewColumn))
    instrument(FETCHER_NEW_COLUMNS).labels(source=source).inc(columns)
    failed = summary.failed or summary.cut_short
    instrument(FETCHER_FAILURES).labels(source=source).inc(failed)
    if not failed:
        instrument(FETCHER_LAST_COMPLETE).labels(source=source).set(summary.started.timestamp())


def tell_circuit(source: str, *, is_open: bool) -> None:
    """Set whether a source's upstream counts as dead and is only asked whether it lives."""
    instrument(FETCHER_CIRCUIT_OPEN).labels(source=source).set(is_open)


def tell_due(source: str, due: dt.datetime) -> None:
    """Set when a source's own cadence asks for the next run, however soon a failed one is tried."""
    instrument(FETCHER_NEXT_DUE).labels(source=source).set(due.timestamp())
