"""Counts the stored rows that the checks of their dataset flag, for the metrics."""

from shared.database.base import Batch
from shared.metrics import FLAGGED_RECORDS, instrument


def count_flagged(batch: Batch) -> None:
    """Count the flagged rows of a batch that was stored, by dataset and check.

    A record read again is counted again; the catalogue counts the rows that stand.
    """
    for check, count in batch.dataset.count_flagged(batch.table).items():
        instrument(FLAGGED_RECORDS).labels(dataset=batch.dataset.name, check=check).inc(count)
