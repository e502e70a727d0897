"""The stored offsets: claiming a partition, and the epoch that each new reading of it gets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.database.base import Position, Reader

_COLUMNS = "topic, partition, epoch, next_offset, last_timestamp, last_crc32"

CLAIM = """INSERT INTO consumer_offsets
(cluster_id, group_id, topic, partition, epoch, next_offset, updated_at)
SELECT $1, $2, $3, $4, coalesce(max(epoch), 0) + 1, $5, now() FROM consumer_offsets
WHERE group_id = $2 AND topic = $3 AND partition = $4
ON CONFLICT (cluster_id, group_id, topic, partition) DO NOTHING"""
"""Begin a reading where none is stored; another cluster is another epoch of the same topic."""

OF_READER = f"SELECT {_COLUMNS} FROM consumer_offsets WHERE cluster_id = $1 AND group_id = $2"

NEWEST = (
    f"SELECT DISTINCT ON (group_id, topic, partition) {_COLUMNS} FROM consumer_offsets "
    "ORDER BY group_id, topic, partition, epoch DESC"
)


def claims(
    reader: Reader, partitions: Sequence[tuple[str, int, int]]
) -> Iterator[tuple[str, str, str, int, int]]:
    """Yield the parameters of CLAIM for each (topic, partition, first offset), in one order."""
    for topic, partition, first in sorted(partitions):
        yield reader.cluster_id, reader.group_id, topic, partition, first


def from_row(row: Mapping[str, Any]) -> Position:
    """Return a stored position."""
    return Position(
        row["topic"], row["partition"], row["epoch"], row["next_offset"],
        row["last_timestamp"], row["last_crc32"],
    )  # fmt: skip
