"""How much of a dataset is stored, and what of it no true row can say."""

from shared.database.sql import quote
from shared.dataset import Dataset


def count_rows(dataset: Dataset) -> str:
    """Return the query of a dataset's size, first and last time, newest as_of, flagged rows.

    One column for each check follows the four others, in order of their declaration.
    """
    time = quote(dataset.time) if dataset.time else None
    first, last = (f"min({time})", f"max({time})") if time else ("NULL", "NULL")
    newest = f"max({quote('as_of')})" if dataset.versioned else "NULL"
    flagged = "".join(
        f", count(*) FILTER (WHERE {sql}) AS {quote(f'flagged_{name}')}"
        for name, sql in dataset.check_sql.items()
    )
    return (
        f"SELECT count(*) AS row_count, {first} AS first_time, {last} AS last_time, "
        f"{newest} AS newest_as_of{flagged} FROM {quote(dataset.name)}"
    )
