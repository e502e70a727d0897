"""The other database after a migration: every dataset's answers are the same, byte for byte."""

import datetime as dt
import io
import itertools
from typing import Any

import pyarrow as pa

from services.cli.database.results import CsvWriter
from shared.columns import INT64_MAX, INT64_MIN, Column, Kind
from shared.database.base import Database
from shared.database.sql import listed
from shared.database.transfer.parts import units
from shared.database.transfer.run import Transfer
from shared.database.transfer.source import look
from shared.dataset import Dataset
from shared.registry import discover
from tests.api import api_over, store

FIGURES = [0.1 + 0.2, -0.0, 1e22, 5e-324, 123456.0, 1e15, -1.5]
TEXTS = ["é", "a,b", '"q"', "two\nlines", "NULL", "😀", " "]
COUNTS = [INT64_MAX, INT64_MIN, 2**53 + 1, 0, -1, 7, 1]
KNOWN = ("2026-03-01T12:00:00.000001Z", "2026-04-01T00:00:00Z")


def value(column: Column, number: int, *, key: bool) -> Any:
    """Return a value that is easily spelled in two ways; each fifth is null where it may be."""
    if column.nullable and not key and number % 5 == 4:
        return None
    day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
    match column.kind:
        case Kind.FLOAT:
            return FIGURES[number % 7]
        case Kind.BIGINT:
            return COUNTS[number % 7]
        case Kind.BOOLEAN:
            return number % 2 == 0
        case Kind.DATE:
            return str(day)
        case Kind.TIMESTAMP:
            return f"{day}T01:02:03.{number:06}Z"
        case Kind.TEXTS:
            return [TEXTS[number % 7], ""][: number % 3]
        case _:
            return f"{TEXTS[number % 7]}{number}" if key else TEXTS[number % 7]


def rows(dataset: Dataset, first: int) -> list[dict[str, Any]]:
    """Return a dozen rows whose values begin with another one of the lists each time."""
    return [
        {
            c.name: value(c, n if c.name in dataset.key else n + place + first,
                          key=c.name in dataset.key)
            for place, c in enumerate(dataset.columns)
        }
        for n in range(12)
    ]  # fmt: skip


async def answers(database: Database) -> dict[str, bytes]:
    """Return what the API and `query` say of every dataset, in CSV."""
    found = {}
    async with api_over(database) as client:
        for dataset in discover():
            asked = [""]
            if dataset.versioned:
                asked += ["&as_of=2026-03-15", "&revisions=true", "&release=first"]
            for query in asked:
                given = await client.get(f"/v1/data/{dataset.name}?format=csv{query}")
                assert given.status_code == 200, given.text
                found[f"{dataset.name}{query}"] = given.content
            sql = f"SELECT * FROM {dataset.name} ORDER BY {listed(dataset.key)}"
            found[sql] = as_csv(await database.fetch(sql))
    return found


def as_csv(table: pa.Table) -> bytes:
    """Return rows as `query --format csv` writes them."""
    file = io.BytesIO()
    writer = CsvWriter(file)
    for batch in table.to_batches():
        writer.write(batch)
    writer.close()
    return file.getvalue()


async def test_no_answer_changes_with_the_database(both: list[Database]) -> None:
    duckdb, postgres = both
    for dataset, (first, known) in itertools.product(discover(), enumerate(KNOWN)):
        await store(duckdb, dataset, rows(dataset, first), known)
    every = units(discover())
    source, target = [await look(each, every, None, None) for each in both]
    transfer = Transfer(
        source, target, every, batch_rows=1000, origin="test", topic_prefix="",
    )  # fmt: skip
    run = await transfer.run(lambda _: None)
    assert sum(tally.refused for tally in run.tallies.values()) == 0
    before, after = await answers(duckdb), await answers(postgres)
    assert before == after
    assert min(body.count(b"\n") for body in before.values()) > 12
