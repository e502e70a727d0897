"""Which rows of a part the target cannot hold, found on whole columns where that is possible."""

import pyarrow as pa
import pyarrow.compute as pc

from shared.columns import Column, Kind
from shared.database.transfer.journal import Refusal
from shared.database.transfer.parts import IS_REVISION, Row, Unit
from shared.errors import InvalidRecord
from shared.law import check_values

_DAYS = (-719_162, 2_932_896)
_MICROSECONDS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""From year 1 to 9999: what lies beyond, one of the databases takes for infinity."""


def sift(unit: Unit, part: pa.Table, *, earlier: bool) -> tuple[pa.Table, list[Refusal]]:
    """Return the rows that keep to the rules, and the others with their reasons.

    A key whose current row is refused is refused whole. `earlier` rows have never been held to
    the law; all of them are, and a key may come twice.
    """
    suspect = pa.repeat(earlier, part.num_rows)
    for column in unit.columns:
        suspect = pc.or_(suspect, _suspect(column, part[column.name].combine_chunks()))
    if not pc.any(suspect).as_py():
        return part, []
    refused: dict[int, str] = {}
    seen: set[object] = set()
    for place in pc.indices_nonzero(suspect).to_pylist():
        row = _row(part, place)
        key = (unit.key_of(row), row[IS_REVISION], row.get("as_of") if row[IS_REVISION] else None)
        reason = "its key comes twice" if earlier and key in seen else _reason(unit, row)
        seen.add(key)
        if reason is not None:
            refused[place] = reason
    return _without(unit, part, refused)


def _without(unit: Unit, part: pa.Table, refused: dict[int, str]) -> tuple[pa.Table, list[Refusal]]:
    if not refused:
        return part, []
    rows = {place: _row(part, place) for place in refused}
    gone = {
        unit.key_of(row)
        for place, row in rows.items()
        if not row[IS_REVISION] and refused[place] != "its key comes twice"
    }
    if unit.revisions is not None and gone:
        columns = (part[name].to_pylist() for name in unit.key)
        for place, key in enumerate(zip(*columns, strict=True)):
            if key in gone and place not in refused:
                refused[place] = "the current row of its key is refused"
                rows[place] = _row(part, place)
    kept = pa.array([place not in refused for place in range(part.num_rows)], pa.bool_())
    return part.filter(kept), [Refusal(rows[place], refused[place]) for place in sorted(refused)]


def _suspect(column: Column, values: pa.Array) -> pa.Array:
    """Return which values of a column may break a rule of the target."""
    no = pa.repeat(False, len(values))
    found = no if column.nullable else values.is_null()
    match column.kind:
        case Kind.FLOAT:
            wrong = pc.invert(pc.is_finite(values))
        case Kind.TEXT:
            wrong = pc.match_substring(values, "\x00")
            if column.max_length is not None:
                wrong = pc.or_(wrong, pc.greater(pc.utf8_length(values), column.max_length))
            if column.min_length is not None:
                wrong = pc.or_(wrong, pc.less(pc.utf8_length(values), column.min_length))
        case Kind.DATE:
            wrong = _outside(values.cast(pa.int32()), *_DAYS)
        case Kind.TIMESTAMP:
            wrong = _outside(values.cast(pa.int64()), *_MICROSECONDS)
        case _:
            return found
    return pc.or_(found, wrong.fill_null(False))


def _outside(numbers: pa.Array, least: int, most: int) -> pa.Array:
    return pc.or_(pc.less(numbers, least), pc.greater(numbers, most))


def rows_in(part: pa.RecordBatch) -> list[Row]:
    """Return all rows, moments that Python cannot hold as text."""
    try:
        rows: list[Row] = part.to_pylist()
    except OverflowError:
        table = pa.Table.from_batches([part])
        rows = [_row(table, number) for number in range(part.num_rows)]
    return rows


def _row(part: pa.Table, number: int) -> Row:
    """Return one row; moments that Python cannot hold are text."""
    part = part.slice(number, 1)
    for place, field in enumerate(part.schema):
        days, moments = pa.types.is_date32(field.type), pa.types.is_timestamp(field.type)
        if days or moments:
            numbers = part[field.name].cast(pa.int32() if days else pa.int64())
            if pc.any(_outside(numbers, *(_DAYS if days else _MICROSECONDS))).as_py():
                beyond = part[field.name].cast(pa.string())
                part = part.set_column(place, field.name, beyond)
    row: Row = part.to_pylist()[0]
    return row


def _reason(unit: Unit, row: Row) -> str | None:
    for column in unit.columns:
        value = row[column.name]
        if value is None and not column.nullable and column.kind is not Kind.IDENTITY:
            return f"{column.name} is null, or cannot be read as {column.kind.label}"
        if isinstance(value, str) and column.kind in (Kind.DATE, Kind.TIMESTAMP):
            return f"{column.name} {value} is outside the years 1 to 9999"
        if isinstance(value, str) and "\x00" in value:
            return f"{column.name} holds NUL, which PostgreSQL cannot store in a text"
    if unit.dataset is not None:
        try:
            check_values(unit.dataset, [{c.name: row[c.name] for c in unit.dataset.columns}])
        except InvalidRecord as exc:
            return exc.reason.removeprefix("row 0: ")
    return None
