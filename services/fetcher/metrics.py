"""What a fetcher tells Prometheus: runs, records, odd columns, and which upstreams are dead."""

from functools import cache

from prometheus_client import Counter, Gauge

from services.fetcher.columns import NewColumn
from services.fetcher.run import RunSummary

RUNS = "econstream_fetcher_runs"
FAILURES = "econstream_fetcher_failures"
RECORDS = "econstream_fetcher_records"
NEW_COLUMNS = "econstream_fetcher_new_columns"
CIRCUIT_OPEN = "econstream_fetcher_circuit_open"
LAST_COMPLETE = "econstream_fetcher_last_complete_timestamp_seconds"


def count_run(summary: RunSummary) -> None:
    """Count a run that has ended, by its status, and what it brought."""
    counters = _counters()
    counters[RUNS].labels(source=summary.source, status=summary.status).inc()
    for dataset, records in summary.by_dataset.items():
        counters[RECORDS].labels(source=summary.source, dataset=dataset).inc(records)
    columns = sum(n for said, n in summary.warnings.items() if isinstance(said, NewColumn))
    counters[NEW_COLUMNS].labels(source=summary.source).inc(columns)
    failed = summary.failed or summary.cut_short
    counters[FAILURES].labels(source=summary.source).inc(failed)
    if not failed:
        _gauge(LAST_COMPLETE).labels(source=summary.source).set(summary.started.timestamp())


def tell_circuit(source: str, *, is_open: bool) -> None:
    """Set whether a source's upstream counts as dead and is only asked whether it lives."""
    _gauge(CIRCUIT_OPEN).labels(source=source).set(is_open)


@cache
def _counters() -> dict[str, Counter]:
    return {
        RUNS: Counter(RUNS, "Runs of a source that have ended", ["source", "status"]),
        FAILURES: Counter(FAILURES, "Runs that had not all they asked for", ["source"]),
        RECORDS: Counter(RECORDS, "Records published", ["source", "dataset"]),
        NEW_COLUMNS: Counter(
            NEW_COLUMNS, "Answers with a column upstream that is not read", ["source"]
        ),
    }


@cache
def _gauge(name: str) -> Gauge:
    said = {
        CIRCUIT_OPEN: "1 while a source's upstream counts as dead",
        LAST_COMPLETE: "When the last run began that had all it asked for",
    }
    return Gauge(name, said[name], ["source"])
