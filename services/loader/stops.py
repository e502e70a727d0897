"""Where a chunk must end before its end: at a newer schema, or at one dead letter too many."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from services.loader.batch import Chunk, after
from services.loader.halts import Cause, Halt
from shared.database.base import Move, Position
from shared.decode import Decoded, Rejected
from shared.kafka import TopicPartition
from shared.record import Message


@dataclass(frozen=True, slots=True)
class Part:
    """What of a chunk may be stored.

    replayed   the messages that repeat a dead letter, with its id
    """

    messages: Sequence[Message]
    table: pa.Table
    rejected: Sequence[Rejected]
    replayed: Sequence[tuple[int, Message]]
    moves: Sequence[Move]


def before(chunk: Chunk, decoded: Decoded, ends: Mapping[int, int]) -> Part:
    """Return the part of a chunk that lies before the offset at which a partition must end."""
    replayed = [(letter, chunk.messages[at]) for at, letter in decoded.replayed.items()]
    if not ends:
        return Part(chunk.messages, decoded.table, decoded.rejected, replayed, chunk.moves)

    def kept(message: Message) -> bool:
        return message.partition not in ends or message.offset < ends[message.partition]

    messages = [message for message in chunk.messages if kept(message)]
    last = {message.partition: message for message in messages}
    moves = [_shortened(move, ends, last.get(move.start.partition)) for move in chunk.moves]
    return Part(
        messages,
        _rows_before(decoded.table, ends),
        [rejected for rejected in decoded.rejected if kept(rejected.message)],
        [(letter, message) for letter, message in replayed if kept(message)],
        [move for move in moves if move.end != move.start],
    )


def newer_schemas(chunk: Chunk, decoded: Decoded) -> dict[int, int]:
    """Return the first offset of a newer schema in each partition that has one."""
    found: dict[int, int] = {}
    for place in sorted(decoded.newer):
        message = chunk.messages[place]
        found.setdefault(message.partition, message.offset)
    return found


def schema_halt(chunk: Chunk, position: Position) -> Halt:
    """Say of a position that the record at it has a newer schema."""
    name, partition, offset = chunk.dataset.name, position.partition, position.next_offset
    return Halt(
        Cause.SCHEMA_VERSION,
        f"{position.topic}[{partition}] is paused: the record at offset {offset} is of a newer "
        f"schema than version {chunk.dataset.schema_version} of {name}, the newest this loader "
        "knows. Install a newer econstream and start the loader again; or pass the record over: "
        f"`econstream offsets reset {name} --to {offset + 1} --partition {partition}`",
        position,
    )


def offsets_of(rejected: Sequence[Rejected]) -> dict[TopicPartition, list[int]]:
    """Return the offsets of refused messages by partition, in order."""
    found: dict[TopicPartition, list[int]] = defaultdict(list)
    for each in rejected:
        found[TopicPartition(each.message.topic, each.message.partition)].append(
            each.message.offset
        )
    return {tp: sorted(offsets) for tp, offsets in found.items()}


def _shortened(move: Move, ends: Mapping[int, int], last: Message | None) -> Move:
    end = ends.get(move.start.partition)
    if end is None or end >= move.end.next_offset:
        return move
    return replace(move, end=after(move.start, end, last))


def _rows_before(table: pa.Table, ends: Mapping[int, int]) -> pa.Table:
    partitions, offsets = (table[name].to_numpy() for name in ("kafka_partition", "kafka_offset"))
    kept = np.ones(table.num_rows, np.bool_)
    for partition, end in ends.items():
        kept &= (partitions != partition) | (offsets < end)
    return table.filter(pa.array(kept))
