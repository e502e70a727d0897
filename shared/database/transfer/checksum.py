"""A checksum over rows, computed by either database in its own SQL from the same bytes.

A row is written as text: figures by their shortest digits, or by their bits where the two
databases spell them otherwise; moments and days by their distance from an epoch; long texts by
their MD5. The rows of a range are joined in order of their keys, and the MD5 of that is the
range's: one MD5 a row would take either database three times as long.
"""

from collections.abc import Sequence

from shared.columns import Column, Kind
from shared.database.sql import listed, quote

STAMPS = frozenset({"created_at", "updated_at"})
"""When a database stored a row is no part of what the row says."""

_SHORT = 200
_FIELDS, _ROWS = "chr(31)", "chr(30)"


def totals(columns: Sequence[Column], key: Sequence[str], backend: str) -> str:
    """Return what a query selects of rows: how many, `n`, and their `checksum`, '' for none."""
    rows = f"string_agg({row_text(columns, backend)}, {_ROWS} ORDER BY {listed(key)})"
    return f"count(*) AS n, coalesce(md5({rows}), '') AS checksum"


def row_text(columns: Sequence[Column], backend: str) -> str:
    """Return the SQL of a row's text, of all columns but the stamps."""
    spell = _in_postgres if backend == "postgresql" else _in_duckdb
    parts = [_or_null(column, spell(column)) for column in columns if column.name not in STAMPS]
    return f"concat_ws({_FIELDS}, {', '.join(parts)})"


def _or_null(column: Column, spelled: str) -> str:
    if not column.nullable:
        return spelled
    if column.kind is Kind.TEXT:
        spelled = f"'=' || {spelled}"
    return f"coalesce({spelled}, '~')"


def _in_postgres(column: Column) -> str:
    name = quote(column.name)
    match column.kind:
        case Kind.FLOAT:
            bits = f"encode(float8send({name}), 'hex')"
            return f"CASE WHEN {_plain(name)} THEN {name}::text ELSE {bits} END"
        case Kind.DATE:
            return f"encode(date_send({name}), 'hex')"
        case Kind.TIMESTAMP:
            return f"encode(timestamptz_send({name}), 'hex')"
        case Kind.TEXT | Kind.TEXTS | Kind.BYTES:
            return _texts(column, f"cardinality({name})::text")
        case _:
            return f"{name}::text"


def _in_duckdb(column: Column) -> str:
    name = quote(column.name)
    match column.kind:
        case Kind.FLOAT:
            bits = f"lower(hex({name}::BIT::BLOB))"
            digits = f"replace({name}::VARCHAR || ' ', '.0 ', '')"
            return f"CASE WHEN {_plain(name)} THEN rtrim({digits}) ELSE {bits} END"
        case Kind.DATE:
            return f"lower(hex(({name} - DATE '2000-01-01')::INTEGER::BIT::BLOB))"
        case Kind.TIMESTAMP:
            return f"lower(hex((epoch_us({name}) - 946684800000000)::BIT::BLOB))"
        case Kind.TEXT | Kind.TEXTS | Kind.BYTES:
            return _texts(column, f"len({name})::VARCHAR")
        case _:
            return f"{name}::VARCHAR"


def _plain(name: str) -> str:
    return f"abs({name}) BETWEEN 0.001 AND 1e14"


def _texts(column: Column, length: str) -> str:
    name = quote(column.name)
    if column.kind is Kind.TEXTS:
        return f"{length} || md5(array_to_string({name}, chr(29)))"
    if column.kind is Kind.BYTES:
        return f"md5({name})"
    if column.max_length is not None and column.max_length <= _SHORT:
        return name
    return f"CASE WHEN length({name}) <= {_SHORT} THEN {name} ELSE md5({name}) END"
