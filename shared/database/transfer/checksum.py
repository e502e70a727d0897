"""A checksum over rows, computed by either database in its own SQL from the same bytes.

A row is written as which of its numbers are missing, a bit each; then its figures, counts, days and
moments as PostgreSQL sends them; then its texts, long ones by their MD5. The rows of a range are
joined in order of their keys, and the MD5 of that is the range's. Numbers are of known lengths and
need nothing between them, and no digits are made of them: either would cost both databases more.
"""

from collections.abc import Sequence

from shared.columns import Column, Kind
from shared.database.sql import listed, quote

STAMPS = frozenset({"created_at", "updated_at"})
"""When a database stored a row is no part of what the row says."""

BY_INDEX = "SELECT set_config('random_page_cost', '1.1', true) AS by_index"
"""What to ask PostgreSQL for before, in the same transaction.

As it is by itself, it takes rows for far apart, reads them page by page and sorts them, which takes
a quarter longer.
"""

_SHORT = 200
_FIELDS, _ROWS = "chr(31)", "1E"
_BITS = 31
"""Of an integer in either database, without its sign."""

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
    summed = _each_by_index if backend == "postgresql" else _each_in_one_scan
    return (
        "SELECT coalesce(sum(n), 0)::bigint AS n, "
        "coalesce(string_agg(place || checksum, ' ' ORDER BY place), '') AS checksum "
        f"FROM ({summed(columns, relations)}) AS s"
    )


def _each_by_index(
    columns: Sequence[Column], relations: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Join rows as their index orders them, where BY_INDEX was asked for before."""
    row, joined = row_bytes(columns, "postgresql"), f"string_agg(r, '\\x{_ROWS}'::bytea)"
    return " UNION ALL ".join(
        f"SELECT '{place}:' AS place, count(*) AS n, md5({joined}) AS checksum "
        f"FROM (SELECT {row} AS r FROM {relation} ORDER BY {listed(order)}) AS s"
        for place, (relation, order) in enumerate(relations)
    )


def _each_in_one_scan(
    columns: Sequence[Column], relations: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Say the row once: DuckDB takes milliseconds to plan it."""
    names = listed(column.name for column in columns)
    rows = " UNION ALL ".join(
        f"SELECT {names}, '{place}:' AS place FROM {relation}"
        for place, (relation, _) in enumerate(relations)
    )
    longest = max((order for _, order in relations), key=len)
    row = row_bytes(columns, "duckdb")
    joined = f"unhex(string_agg({row}, '{_ROWS}' ORDER BY {listed(longest)}))"
    return (
        f"SELECT place, count(*) AS n, md5({joined}) AS checksum FROM ({rows}) AS u GROUP BY place"
    )


def row_bytes(columns: Sequence[Column], backend: str) -> str:
    """Return the SQL of a row's bytes, of all columns but the stamps.

    PostgreSQL joins bytes; DuckDB joins texts alone, and has them in hexadecimal until then.
    """
    told = [column for column in columns if column.name not in STAMPS]
    numbers = [column for column in told if column.kind not in _TEXTS]
    nullable = [column.name for column in numbers if column.nullable]
    missing = [_missing(nullable[n : n + _BITS]) for n in range(0, len(nullable), _BITS)]
    texts = [_text(column, backend) for column in told if column.kind in _TEXTS]
    written = _in_postgres if backend == "postgresql" else _in_duckdb
    return written(missing, numbers, f"concat_ws({_FIELDS}, {', '.join(texts)})")


def _missing(names: Sequence[str]) -> str:
    """Return which of some columns are null, as an integer; it reads alike in both databases."""
    return " + ".join(
        f"CASE WHEN {quote(name)} IS NULL THEN {1 << bit} ELSE 0 END"
        for bit, name in enumerate(names)
    )


def _in_postgres(missing: Sequence[str], numbers: Sequence[Column], texts: str) -> str:
    parts = [f"int4send({bits})" for bits in missing]
    for column in numbers:
        sent = f"{_SENT[column.kind]}({quote(column.name)})"
        parts.append(f"coalesce({sent}, ''::bytea)" if column.nullable else sent)
    return " || ".join([*parts, f"convert_to({texts}, 'UTF8')"])


def _in_duckdb(missing: Sequence[str], numbers: Sequence[Column], texts: str) -> str:
    """Return the parts side by side: `concat` leaves out those that are null."""
    values = [f"({bits})::INTEGER" for bits in missing]
    values += [_NUMBER.get(c.kind, "{}").format(quote(c.name)) for c in numbers]
    return f"concat({', '.join(f'hex({value}::BIT::BLOB)' for value in values)}, hex({texts}))"


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
