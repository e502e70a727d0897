"""Every metric that a service tells Prometheus, declared in one place: name, meaning and labels."""

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

Kind = TypeVar("Kind", Counter, Gauge, Histogram)


@dataclass(frozen=True, slots=True)
class Metric(Generic[Kind]):
    """A metric as it is declared; `instrument` gives what is told."""

    kind: type[Kind]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """Its name as Prometheus has it: counters end with _total."""
        kind: type[object] = self.kind
        return f"{self.name}_total" if kind is Counter else self.name


LOADER_LAG = Metric(
    Gauge,
    "econstream_loader_lag_records",
    "Committed records on the broker that the store does not hold",
    ("topic", "partition"),
)
LOADER_PAUSED = Metric(
    Gauge,
    "econstream_loader_paused",
    "1 where a partition is paused until something is mended",
    ("topic", "partition"),
)
LOADER_RECORDS = Metric(
    Counter,
    "econstream_loader_records",
    "Records that were read and stored: outcome stored or dead_letter",
    ("dataset", "outcome"),
)
FLAGGED_RECORDS = Metric(
    Counter,
    "econstream_flagged_records",
    "Stored records that a check of their dataset flags",
    ("dataset", "check"),
)
FETCHER_RUNS = Metric(
    Counter, "econstream_fetcher_runs", "Runs of a source that have ended", ("source", "status")
)
FETCHER_FAILURES = Metric(
    Counter, "econstream_fetcher_failures", "Runs that had not all they asked for", ("source",)
)
FETCHER_RECORDS = Metric(
    Counter, "econstream_fetcher_records", "Records published", ("source", "dataset")
)
FETCHER_NEW_COLUMNS = Metric(
    Counter,
    "econstream_fetcher_new_columns",
    "Answers with a column upstream that is not read",
    ("source",),
)
FETCHER_CIRCUIT_OPEN = Metric(
    Gauge,
    "econstream_fetcher_circuit_open",
    "1 while a source's upstream counts as dead",
    ("source",),
)
FETCHER_LAST_COMPLETE = Metric(
    Gauge,
    "econstream_fetcher_last_complete_timestamp_seconds",
    "When the last run began that had all it asked for",
    ("source",),
)
FETCHER_NEXT_DUE = Metric(
    Gauge,
    "econstream_fetcher_next_due_timestamp_seconds",
    "When the cadence of a source next asks for a run",
    ("source",),
)
API_REQUESTS = Metric(
    Counter,
    "econstream_api_requests",
    "Requests that were answered; status 0: the reader left before",
    ("method", "route", "status"),
)
API_SECONDS = Metric(
    Histogram,
    "econstream_api_request_seconds",
    "Time from a request to the last byte of its answer",
    ("method", "route"),
)
API_STREAMS = Metric(
    Gauge, "econstream_api_stream_readers", "Readers that follow a dataset live", ("dataset",)
)
API_STREAMS_DROPPED = Metric(
    Counter,
    "econstream_api_stream_readers_dropped",
    "Readers of a stream that took too little for long, and were let go",
)
INGEST_ROWS = Metric(
    Counter,
    "econstream_ingest_rows",
    "Rows posted to the API: outcome accepted or rejected",
    ("dataset", "outcome"),
)
PROCESSOR_RECORDS = Metric(
    Counter,
    "econstream_processor_records",
    "Records that the processor read: outcome taken, refused or failed",
    ("dataset", "outcome"),
)
PROCESSOR_ROWS = Metric(
    Counter, "econstream_processor_rows", "Derived rows that were published", ("dataset",)
)
PROCESSOR_LAG = Metric(
    Gauge,
    "econstream_processor_lag_records",
    "Committed records on the broker from which nothing has followed yet",
    ("topic", "partition"),
)
PROCESSOR_WAITING = Metric(
    Gauge,
    "econstream_processor_waiting_tickers",
    "Tickers that wait for the store to be computed anew",
    ("source",),
)
DISK_FREE = Metric(
    Gauge, "econstream_disk_free_bytes", "Free space on the disk of the data folder", ("service",)
)
DISK_SIZE = Metric(
    Gauge, "econstream_disk_size_bytes", "Size of the disk of the data folder", ("service",)
)


def declared() -> tuple[Metric[Counter] | Metric[Gauge] | Metric[Histogram], ...]:
    """Return every metric there is, in the order of their declarations."""
    return tuple(value for value in globals().values() if isinstance(value, Metric))


@cache
def instrument(metric: Metric[Kind]) -> Kind:
    """Return what is told of a metric, one of each for the process."""
    return metric.kind(metric.name, metric.meaning, metric.labels)


def watch_disk(service: str, folder: Path) -> None:
    """Have each scrape look how full the disk is on which a folder lies, there or to be made."""
    at = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    instrument(DISK_FREE).labels(service).set_function(lambda: shutil.disk_usage(at).free)
    instrument(DISK_SIZE).labels(service).set_function(lambda: shutil.disk_usage(at).total)


def exposition() -> tuple[bytes, str]:
    """Return what a scrape gets, and its content type."""
    return generate_latest(), CONTENT_TYPE_LATEST
