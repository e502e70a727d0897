"""Counts the stored rows that the checks of their dataset flag, for the metrics."""

from functools import cache

from prometheus_client import Counter

from shared.database.base import Batch

METRIC = "econstream_flagged_records"


def count_flagged(batch: Batch) -> None:
    """Count the flagged rows of a batch that was stored, by dataset and check.

    A record read again is counted again; the catalogue counts the rows that stand.
    """
    for check, count in batch.dataset.count_flagged(batch.table).items():
        _counter().labels(dataset=batch.dataset.name, check=check).inc(count)


@cache
def _counter() -> Counter:
    return Counter(
        METRIC, "Stored records that a check of their dataset flags", ["dataset", "check"]
    )
