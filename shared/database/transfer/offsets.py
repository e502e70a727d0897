"""The stored offsets, moved last: whoever reads on from them has all rows before them."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from shared.database.sql import listed
from shared.database.steps import Execute, Load, Select, Steps
from shared.database.tables import CONSUMER_OFFSETS
from shared.database.transfer.journal import note_part
from shared.database.transfer.parts import Span, Unit
from shared.database.transfer.place import Placed
from shared.database.transfer.source import Side

OFFSETS = Unit(CONSUMER_OFFSETS, CONSUMER_OFFSETS.key, lambda row: row["updated_at"])

_NAMES = [column.name for column in CONSUMER_OFFSETS.columns]
_SAME = " AND ".join(f"o.{name} = m.{name}" for name in CONSUMER_OFFSETS.key)
_MOVED = "moved_consumer_offsets"
_MISSING = (
    f"FROM {_MOVED} AS m WHERE NOT EXISTS (SELECT 1 FROM consumer_offsets AS o WHERE {_SAME})"
)
_INSERT = f"INSERT INTO consumer_offsets ({listed(_NAMES)}) SELECT {listed(_NAMES, 'm')} {_MISSING}"

_RAISE = f"""UPDATE consumer_offsets AS o SET epoch = greatest(o.epoch, m.epoch) + 1,
updated_at = now() FROM {_MOVED} AS m WHERE {_SAME} AND m.topic = ANY($1)"""


async def read(source: Side) -> pa.Table | None:
    """Return the offsets of the source as they are before its rows are read, None without any."""
    if not source.cut.has(CONSUMER_OFFSETS):
        return None
    relation = source.cut.relations[CONSUMER_OFFSETS.name]
    return await source.database.fetch(f"SELECT {listed(_NAMES)} FROM {relation} AS o")


def place(
    run_id: str, found: pa.Table, topics: Sequence[str], changed: Sequence[str],
    *, new_epochs: bool, postgres: bool,
) -> Steps[int]:  # fmt: skip
    """Yield the steps that store offsets where the target has none; return how many.

    topics   those whose rows have all been moved
    changed  those of which the target has rows that it lacked before

    With `new_epochs` each one stored begins another epoch, and so do those of `changed` that
    the target has: readers of the stream begin again, since rows before their place came back.
    """
    found = found.filter(pc.is_in(found["topic"], pa.array(topics, pa.string())))
    noted = yield Select(
        "SELECT 1 AS n FROM transfer_parts WHERE run_id = $1 AND unit = $2", (run_id, OFFSETS.name)
    )
    if not found.num_rows or noted.num_rows:
        return 0
    yield Load(_MOVED, found)
    if new_epochs:
        yield Execute(_RAISE, (list(changed),))
        yield (
            Execute(f"UPDATE {_MOVED} SET epoch = epoch + 1")
            if postgres
            else Load(_MOVED, _later(found))
        )
    missing: pa.Table = yield Select(f"SELECT {listed(_NAMES, 'm')} {_MISSING}")
    stored: int = yield Execute(_INSERT)
    rows = {OFFSETS.key_of(row): [row] for row in missing.to_pylist()}
    placed = Placed(stored, whole=False, before={key: [] for key in rows}, after=rows)
    yield from note_part(run_id, OFFSETS, 1, Span(), stored, placed, (), postgres=postgres)
    return stored


def _later(found: pa.Table) -> pa.Table:
    place = found.schema.get_field_index("epoch")
    return found.set_column(place, "epoch", pc.add(found["epoch"], pa.scalar(1, pa.int32())))
