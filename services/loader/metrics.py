"""What a loader tells Prometheus: lag that is true, records, dead letters and paused partitions."""

from collections.abc import Mapping

from services.loader.halts import Halts
from shared.database.base import Written
from shared.kafka import TopicPartition
from shared.metrics import LOADER_LAG, LOADER_PAUSED, LOADER_RECORDS, instrument


def tell_lag(lags: Mapping[TopicPartition, int], halts: Halts) -> None:
    """Set the lag and whether it is paused of each partition; those that are gone are dropped."""
    lag, paused = instrument(LOADER_LAG), instrument(LOADER_PAUSED)
    for gauge in (lag, paused):
        gauge.clear()
    for tp, count in lags.items():
        lag.labels(*map(str, tp)).set(max(count, 0))
        paused.labels(*map(str, tp)).set(tp in halts)


def count_stored(dataset: str, records: int, written: Written) -> None:
    """Count what a transaction stored, by what became of it."""
    counter = instrument(LOADER_RECORDS)
    refused = written.dead_letters
    counter.labels(dataset=dataset, outcome="stored").inc(max(records - refused, 0))
    counter.labels(dataset=dataset, outcome="dead_letter").inc(refused)
