"""A checksum over rows, computed by either database in its own SQL from the same bytes.

A row is written as its texts, long ones by their MD5, and one run of bytes for all else: figures,
counts, days and moments as PostgreSQL sends them, in hexadecimal. Digits would cost either database
more, and a piece of text for each column would cost PostgreSQL twice as much. The rows of a range
are joined in order of their keys, and the MD5 of that is the range's: one MD5 a row would take
three times as long.
"""

from collections.abc import Sequence

from shared.columns import Column, Kind
from shared.database.sql import listed, quote

STAMPS = frozenset({"created_at", "updated_at"})
"""When a database stored a row is no part of what the row says."""

_SHORT = 200
_FIELDS, _ROWS = "chr(31)", "chr(30)"
_TEXTS = (Kind.TEXT, Kind.TEXTS, Kind.BYTES)
_SENT = {
    Kind.FLOAT: "float8send",
    Kind.BIGINT: "int8send",
    Kind.IDENTITY: "int8send",
    Kind.INTEGER: "int4send",
    Kind.BOOLEAN: "boolsend",
    Kind.DATE: "date_send",
    Kind.TIMESTAMP: "timestamptz_send",
}
_NUMBER = {
    Kind.BOOLEAN: "{}::TINYINT",
    Kind.DATE: "({} - DATE '2000-01-01')::INTEGER",
    Kind.TIMESTAMP: "(epoch_us({}) - 946684800000000)",
}


def totals(
    columns: Sequence[Column], backend: str, relations: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Return a query for how many rows some relations have, `n`, and their `checksum`, '' for none.

    relations  what follows FROM, and the columns by which its rows are ordered
    """
    row = row_text(columns, backend)
    summed = _each_by_index if backend == "postgresql" else _each_in_one_scan
    return (
        "SELECT coalesce(sum(n), 0)::bigint AS n, "
        "coalesce(string_agg(place || checksum, ' ' ORDER BY place), '') AS checksum "
        f"FROM ({summed(columns, row, relations)}) AS s"
    )


def _each_by_index(
    columns: Sequence[Column], row: str, relations: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Join rows as their index orders them: to sort them takes as long as all the rest."""
    return " UNION ALL ".join(
        f"SELECT '{place}:' AS place, count(*) AS n, md5(string_agg(r, {_ROWS})) AS checksum "
        f"FROM (SELECT {row} AS r FROM {relation} ORDER BY {listed(order)}) AS s"
        for place, (relation, order) in enumerate(relations)
    )


def _each_in_one_scan(
    columns: Sequence[Column], row: str, relations: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Say the row's text once: DuckDB takes milliseconds to plan it."""
    names = listed(column.name for column in columns)
    rows = " UNION ALL ".join(
        f"SELECT {names}, '{place}:' AS place FROM {relation}"
        for place, (relation, _) in enumerate(relations)
    )
    longest = max((order for _, order in relations), key=len)
    joined = f"string_agg({row}, {_ROWS} ORDER BY {listed(longest)})"
    return (
        f"SELECT place, count(*) AS n, md5({joined}) AS checksum FROM ({rows}) AS u GROUP BY place"
    )


def row_text(columns: Sequence[Column], backend: str) -> str:
    """Return the SQL of a row's text, of all columns but the stamps."""
    told = [column for column in columns if column.name not in STAMPS]
    texts = [_text(column, backend) for column in told if column.kind in _TEXTS]
    numbers = [column for column in told if column.kind not in _TEXTS]
    bits = (_in_postgres if backend == "postgresql" else _in_duckdb)(numbers)
    return f"concat_ws({_FIELDS}, {', '.join([*texts, bits])})"


def _in_postgres(numbers: Sequence[Column]) -> str:
    """Return the hexadecimal of all numbers; whether there is one is a byte before it."""
    parts = []
    for column in numbers:
        sent = f"{_SENT[column.kind]}({quote(column.name)})"
        parts.append(f"coalesce('\\x01'::bytea || {sent}, '\\x00')" if column.nullable else sent)
    return f"encode({' || '.join(parts)}, 'hex')"


def _in_duckdb(numbers: Sequence[Column]) -> str:
    parts = []
    for column in numbers:
        number = _NUMBER.get(column.kind, "{}").format(quote(column.name))
        bits = f"hex({number}::BIT::BLOB)"
        parts.append(f"coalesce('01' || {bits}, '00')" if column.nullable else bits)
    return f"lower(concat({', '.join(parts)}))"


def _text(column: Column, backend: str) -> str:
    name = quote(column.name)
    count, size = ("cardinality", "octet_length") if backend == "postgresql" else ("len", "strlen")
    match column.kind:
        case Kind.TEXTS:
            spelled = f"{count}({name})::text || md5(array_to_string({name}, chr(29)))"
        case Kind.BYTES:
            spelled = f"md5({name})"
        case _:
            spelled = f"CASE WHEN {size}({name}) <= {_SHORT} THEN {name} ELSE md5({name}) END"
            if column.max_length is not None and column.max_length <= _SHORT:
                spelled = name
            if column.nullable:
                spelled = f"'=' || {spelled}"
    return f"coalesce({spelled}, '~')" if column.nullable else spelled
