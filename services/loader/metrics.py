"""What a loader tells Prometheus: lag that is true, records, dead letters and paused partitions."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import Counter, Gauge

from services.loader.halts import Halts
from shared.database.base import Written
from shared.kafka import TopicPartition

LAG = "econstream_loader_lag_records"
PAUSED = "econstream_loader_paused"
RECORDS = "econstream_loader_records"
_PLACE = ["topic", "partition"]


def tell_lag(lags: Mapping[TopicPartition, int], halts: Halts) -> None:
    """Set the lag and whether it is paused of each partition; those that are gone are dropped."""
    lag, paused = _gauges()
    for gauge in (lag, paused):
        gauge.clear()
    for tp, count in lags.items():
        lag.labels(*map(str, tp)).set(max(count, 0))
        paused.labels(*map(str, tp)).set(tp in halts)


def count_stored(dataset: str, records: int, written: Written) -> None:
    """Count what a transaction stored, by what became of it."""
    counter = _counter()
    refused = written.dead_letters
    counter.labels(dataset=dataset, outcome="stored").inc(max(records - refused, 0))
    counter.labels(dataset=dataset, outcome="dead_letter").inc(refused)


@cache
def _gauges() -> tuple[Gauge, Gauge]:
    return (
        Gauge(LAG, "Committed records on the broker that the store does not hold", _PLACE),
        Gauge(PAUSED, "1 where a partition is paused until something is mended", _PLACE),
    )


@cache
def _counter() -> Counter:
    return Counter(RECORDS, "Records that were read and stored", ["dataset", "outcome"])
