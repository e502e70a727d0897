"""Large answers: the same values as small ones, refused, ended and broken off alike."""

import asyncio
import math
from typing import Any, cast

import pyarrow as pa
import pytest

from shared.database.base import Database
from shared.errors import EconstreamError, Fatal, Transient
from tests.batches import Feed, measure
from tests.contract.test_database_reading import FIRST_DAY, LAST, LAST_DAY, NOT_READING, SLOW

pytestmark = pytest.mark.usefixtures("nothing_left_over")

WHOLE = """
SELECT 1::smallint AS a, -1::integer AS b, 9223372036854775807::bigint AS c, 1.5::real AS d,
1.7976931348623157e308::double precision AS e, true AS f, false AS g, count(*) AS h FROM measures
"""


async def test_large_answers_hold_what_small_ones_do(database: Database, feed: Feed) -> None:
    """Every value that is easily misread, by the way of large answers and record by record."""
    odd = [
        ("", None),
        ('a"b,c', 0.1 + 0.2),
        ("a\nb\r\nc", -0.0),
        ("\\N", 1e22),
        ("NULL", 5e-324),
        ("é😀\t", -1.7976931348623157e308),
        (" x ", 1e15),
        ("$1", None),
        ("t", 123456789.0),
    ]
    for number, (text, level) in enumerate(odd):
        row = measure(0, level, f"S{number}", label=text, day=[FIRST_DAY, LAST_DAY][number % 2])
        await feed.write([row])
    await feed.write([measure(0, 2.0, "T", label=None, count=-(2**63))])
    columns = "site, day, level, count, label, as_of, created_at, kafka_offset"
    every = f"SELECT {columns}, level IS NULL AS missing FROM measures ORDER BY site"
    for sql, parameters in [
        (every, ()),
        (WHOLE, ()),
        (f"SELECT {columns} FROM measures WHERE site = $1 AND as_of <= $2", ("S1", LAST)),
        (f"SELECT {columns} FROM measures WHERE label = $1", ("$1",)),
        (f"SELECT {columns} FROM measures WHERE label = ANY($1)", ([t for t, _ in odd],)),
        ("SELECT site AS a, label AS a FROM measures WHERE day = ANY($1)", ([FIRST_DAY],)),
        ("SELECT label FROM measures WHERE level = $1 OR count = $2", (0.1 + 0.2, -(2**63))),
        ("SELECT site FROM measures WHERE $1 AND site > $2", (True, "S3")),
        ("SELECT label FROM measures WHERE site = $1", ("nowhere",)),
        ("SELECT label FROM measures WHERE site = $1", ("'; DROP TABLE measures; --",)),
    ]:
        small = await database.fetch(sql, parameters)
        large = [part async for part in database.stream(sql, parameters, whole=True)]
        table = pa.Table.from_batches(large)
        assert table.schema == small.schema, sql
        assert sorted(map(repr, zip(*table.to_pydict().values(), strict=True))) == sorted(
            map(repr, zip(*small.to_pydict().values(), strict=True))
        ), sql


async def test_large_answers_keep_nan_and_infinity_apart_from_null(database: Database) -> None:
    sql = "SELECT $1::float8 * $2::float8 AS nan, $1::float8 AS infinite, -($1::float8) AS least"
    parts = [part async for part in database.stream(sql, (math.inf, 0.0), whole=True)]
    assert repr(parts[0].to_pylist()) == "[{'nan': nan, 'infinite': inf, 'least': -inf}]"


async def test_large_answers_refuse_what_small_ones_do(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    for sql in [*NOT_READING, "DELETE FROM measures RETURNING site"]:
        with pytest.raises(Fatal):
            [part async for part in database.stream(sql, whole=True)]
        assert (await database.fetch("SELECT site FROM measures")).num_rows == 1
    for parameters in ([], ["A", "B"]):
        sql = "SELECT site FROM measures WHERE site = $1"
        with pytest.raises(Fatal):
            [part async for part in database.stream(sql, parameters, whole=True)]


async def test_large_answers_end_when_they_are_left(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, site=f"S{n}") for n in range(60_000)])
    async with asyncio.timeout(60):
        for taken in (0, 1, 2) * 6:
            stream = cast("Any", database.stream("SELECT * FROM measures AS m", whole=True))
            for _ in range(taken):
                assert (await anext(stream)).num_rows < 60_000
            await stream.aclose()
        slow = database.stream(SLOW[database.backend], timeout_ms=100, whole=True)
        with pytest.raises(Transient):
            [part async for part in slow]
        sql = "SELECT site, level, as_of FROM measures AS m ORDER BY site"
        whole = [part async for part in database.stream(sql, whole=True)]
    assert pa.Table.from_batches(whole).equals(await database.fetch(sql))


async def test_an_error_in_the_middle_of_a_large_answer_is_told(
    database: Database, feed: Feed
) -> None:
    await feed.write([measure(0, site=f"S{n:05}", label="1") for n in range(60_000)])
    await feed.write([measure(0, site="T", label="not a number")])
    sql = "SELECT site, label::bigint AS n FROM measures"
    with pytest.raises(EconstreamError):
        [part async for part in database.stream(sql, whole=True)]
    assert (await database.fetch("SELECT 1 AS one")).num_rows == 1
