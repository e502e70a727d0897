"""SQL of what messages became: their versions, found by their keys among rows and revisions."""

from collections.abc import Sequence

from services.api.queries.select import Query
from shared.columns import Column
from shared.database.sql import listed, quote
from shared.dataset import Dataset

LINEAGE = ("kafka_epoch", "kafka_offset")
"""What a version is told by, behind the columns of its row."""


def select_changes(dataset: Dataset, columns: Sequence[Column], backend: str) -> Query:
    """Return the query of the versions that messages of one partition became.

    Its parameters are the partition, the offsets, and a list for each column of the key. Its
    rows are the columns and LINEAGE, in order of offset; a version that was split, and has two
    rows now, is told once for each. It has no parameters of its own.
    """
    arrays = [f"unnest($2::bigint[]) AS {quote('at')}"]
    for place, name in enumerate(dataset.key, start=3):
        kind = dataset.column(name).kind
        spelled = kind.postgres if backend == "postgresql" else kind.duckdb
        arrays.append(f"unnest(${place}::{spelled}[]) AS {quote(name)}")
    same = " AND ".join(f"v.{quote(name)} = m.{quote(name)}" for name in dataset.key)
    made = 'v."kafka_partition" = $1::integer AND v."kafka_offset" = m."at"'
    told = listed([*(column.name for column in columns), *LINEAGE], "v")
    tables = (dataset.name, dataset.revisions) if dataset.versioned else (dataset.name,)
    found = " UNION ALL ".join(
        f"SELECT {told} FROM messages AS m JOIN {quote(table)} AS v ON {same} AND {made}"
        for table in tables
    )
    order = listed(LINEAGE[::-1]) + (', "as_of"' if dataset.versioned else "")
    sql = f"WITH messages AS (SELECT {', '.join(arrays)}) {found} ORDER BY {order}"
    lineage = tuple(dataset.column(name) for name in LINEAGE)
    return Query(sql, (), (*columns, *lineage))
