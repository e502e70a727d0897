"""The stored offsets: claiming a partition, and the epoch that each new reading of it gets."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.database.base import Position, Reader
from shared.database.steps import Announce, Execute, Select, Steps

_COLUMNS = (
    "topic, partition, epoch, next_offset, last_timestamp, last_crc32, last_offset, first_offset"
)

_CLAIM = """INSERT INTO consumer_offsets
(cluster_id, group_id, topic, partition, epoch, next_offset, first_offset, updated_at)
SELECT $1, $2, $3, $4, coalesce(max(epoch), 0) + 1, $5, $5, now() FROM consumer_offsets
WHERE group_id = $2 AND topic = $3 AND partition = $4
ON CONFLICT (cluster_id, group_id, topic, partition) DO NOTHING"""
"""Begin a reading where none is stored; another cluster is another epoch of the same topic."""

_RISE = """UPDATE consumer_offsets SET epoch = (SELECT max(epoch) + 1 FROM consumer_offsets
WHERE group_id = $2 AND topic = $3 AND partition = $4), updated_at = now()
WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4
AND epoch < (SELECT max(epoch) FROM consumer_offsets
WHERE group_id = $2 AND topic = $3 AND partition = $4)"""
"""Coming back to a cluster begins another epoch too: the topic was read elsewhere meanwhile."""

_RESET = """UPDATE consumer_offsets SET epoch = greatest(epoch + 1,
(SELECT max(epoch) + 1 FROM consumer_offsets
WHERE group_id = $2 AND topic = $3 AND partition = $4)),
next_offset = $5, first_offset = $5, last_offset = NULL, last_timestamp = NULL, last_crc32 = NULL,
updated_at = now() WHERE cluster_id = $1 AND group_id = $2 AND topic = $3 AND partition = $4"""
"""Whatever a loader is about to store, it started from another epoch and is refused."""

_OF_READER = f"SELECT {_COLUMNS} FROM consumer_offsets WHERE cluster_id = $1 AND group_id = $2"

_NEWEST = (
    f"SELECT DISTINCT ON (group_id, topic, partition) {_COLUMNS} FROM consumer_offsets "
    "ORDER BY group_id, topic, partition, epoch DESC"
)


def claim(reader: Reader, partitions: Sequence[tuple[str, int, int]]) -> Steps[list[Position]]:
    """Yield the steps that claim each (topic, partition, first offset); return their positions."""
    for topic, partition, first in sorted(partitions):
        who = (reader.cluster_id, reader.group_id, topic, partition)
        yield Execute(_CLAIM, (*who, first))
        yield Execute(_RISE, who)
    found = yield from stored(reader)
    wanted = {(topic, partition) for topic, partition, _ in partitions}
    return [p for p in found if (p.topic, p.partition) in wanted]


def reset(reader: Reader, targets: Sequence[tuple[str, int, int]]) -> Steps[list[Position]]:
    """Yield the steps that begin an epoch at each (topic, partition, offset); return where."""
    for topic, partition, offset in sorted(targets):
        who = (reader.cluster_id, reader.group_id, topic, partition)
        yield Execute(_CLAIM, (*who, offset))
        yield Execute(_RESET, (*who, offset))
        yield Announce(topic)
    found = yield from stored(reader)
    wanted = {(topic, partition) for topic, partition, _ in targets}
    return [p for p in found if (p.topic, p.partition) in wanted]


def stored(reader: Reader | None) -> Steps[list[Position]]:
    """Yield the step that reads positions, of one reader or the newest of each; return them."""
    if reader is None:
        rows = yield Select(_NEWEST)
    else:
        rows = yield Select(_OF_READER, (reader.cluster_id, reader.group_id))
    return [_from_row(row) for row in rows.to_pylist()]


def _from_row(row: Mapping[str, Any]) -> Position:
    """Return a stored position."""
    return Position(
        row["topic"], row["partition"], row["epoch"], row["next_offset"],
        row["last_timestamp"], row["last_crc32"], row["last_offset"], row["first_offset"],
    )  # fmt: skip
