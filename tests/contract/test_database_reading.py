"""Reading: the same rows in the same types from either database, in constant memory."""

import asyncio
import datetime as dt
import math
import time
from contextlib import aclosing
from typing import Any, cast

import pyarrow as pa
import pytest

from shared.database.base import Database
from shared.errors import EconstreamError, Fatal, Transient
from tests.batches import Feed, at, measure
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("nothing_left_over")

UTC = pa.timestamp("us", "UTC")
TEXTS = pa.list_(pa.string())
FIRST_DAY, LAST_DAY = dt.date(1, 1, 1), dt.date(9999, 12, 31)
FIRST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, dt.UTC)

SLOW = {
    "postgresql": "SELECT pg_sleep(30)",
    "duckdb": "SELECT count(*) FROM range(10000000) a, range(1000000) b "
    "WHERE a.range + b.range < 5",
}
"""Queries that would take half a minute."""


ANSWERS: list[tuple[str, pa.DataType, Any]] = [
    ("1::smallint", pa.int16(), 1),
    ("1::integer", pa.int32(), 1),
    ("9223372036854775807::bigint", pa.int64(), 2**63 - 1),
    ("1.5::real", pa.float32(), 1.5),
    ("0.1::double precision", pa.float64(), 0.1),
    ("1.7976931348623157e308::double precision", pa.float64(), 1.7976931348623157e308),
    ("1.25::numeric(10, 2)", pa.float64(), 1.25),
    ("count(*)", pa.int64(), 2),
    ("sum(n)", pa.float64(), 3.0),
    ("sum(n)::bigint", pa.int64(), 3),
    ("avg(n)", pa.float64(), 1.5),
    ("max(n)", pa.int64(), 2),
    ("NULL", pa.string(), None),
    ("'a\u0301€😀'::text", pa.string(), "a\u0301€😀"),
    ("''", pa.string(), ""),
    ("true", pa.bool_(), True),
    ("DATE '0001-01-01'", pa.date32(), FIRST_DAY),
    ("DATE '9999-12-31'", pa.date32(), LAST_DAY),
    ("TIMESTAMPTZ '2026-01-01 12:00:00.000001+02'", UTC, at(-120).replace(microsecond=1)),
    ("TIMESTAMPTZ '0001-01-01 00:00:00Z'", UTC, FIRST),
    ("TIMESTAMPTZ '9999-12-31 23:59:59.999999Z'", UTC, LAST),
    ("TIMESTAMP '2026-01-01 12:00:00'", pa.timestamp("us"), dt.datetime(2026, 1, 1, 12)),  # noqa: DTZ001
    (
        "TIMESTAMPTZ '2026-01-02 00:00Z' - TIMESTAMPTZ '2026-01-01 00:00Z'",
        pa.duration("us"),
        dt.timedelta(1),
    ),
    ("TIME '12:30:00'", pa.time64("us"), dt.time(12, 30)),
    ("NULL::text[]", TEXTS, None),
    ("ARRAY['a', '', NULL]::text[]", TEXTS, ["a", "", None]),
    ("ARRAY[]::text[]", TEXTS, []),
]


async def test_types_and_values_are_the_same_everywhere(database: Database) -> None:
    found = {}
    for expression, _, _ in ANSWERS:
        of_numbers = "(n)" in expression or "*" in expression
        source = " FROM (SELECT 1::bigint AS n UNION ALL SELECT 2) AS t" if of_numbers else ""
        sql = f"SELECT {expression} AS answer{source}"
        answer = await database.fetch(sql)
        (value,) = answer["answer"].to_pylist()
        again = await database.fetch(sql)
        assert again.schema == answer.schema
        assert str(again.to_pylist()) == str(answer.to_pylist()), "and as often as it is asked"
        found[expression] = (answer.schema.field("answer").type, value)
    assert found == {expression: (kind, value) for expression, kind, value in ANSWERS}


async def test_nan_is_apart_from_null(database: Database) -> None:
    found = await database.fetch("SELECT 'NaN'::double precision AS nan, NULL::float8 AS nothing")
    assert math.isnan(found["nan"][0].as_py())
    assert found["nothing"].to_pylist() == [None]


async def test_an_answer_without_rows_has_its_types(database: Database) -> None:
    sql = "SELECT * FROM measures"
    batches = [batch async for batch in database.stream(sql)]
    assert [batch.num_rows for batch in batches] == [0]
    assert batches[0].schema == (await database.fetch(sql)).schema
    assert batches[0].schema.field("tags").type == TEXTS
    assert batches[0].schema.field("as_of").type == UTC


async def test_rows_sort_alike_everywhere(database: Database) -> None:
    texts = "(SELECT unnest(ARRAY['b', 'B', 'a', 'A', '_', '^', 'é', 'z', NULL]) AS t) AS s"
    for order, expected in (
        ("", ["A", "B", "^", "_", "a", "b", "z", "é", None]),
        (" DESC", [None, "é", "z", "b", "a", "_", "^", "B", "A"]),
    ):
        sql = f'SELECT t FROM {texts} ORDER BY t COLLATE "C"{order}'
        assert (await database.fetch(sql))["t"].to_pylist() == expected


async def test_columns_of_texts_sort_by_code_points(database: Database, feed: Feed) -> None:
    sites = ["b", "B", "a", "A", "_", "^GSPC", "é", "z"]
    await feed.write([measure(0, site=site, label=site) for site in sites])
    for source in ("measures", "measures_versions", "measures_as_of(now())"):
        for column in ("site", "label"):
            found = await database.fetch(f"SELECT {column} FROM {source} ORDER BY {column}")
            assert found[column].to_pylist() == sorted(sites)


PARAMETERS: list[tuple[str, list[Any], int]] = [
    ("site = $1", ["A"], 1),
    ("site = $1", ["A'; DROP TABLE measures; --"], 0),
    ("site = ANY($1)", [["A", "C", "nowhere"]], 2),
    ("site = ANY($1)", [[]], 0),
    ("day = ANY($1)", [[FIRST_DAY, LAST_DAY]], 2),
    ("day = $1", [FIRST_DAY], 1),
    ("day > $1 AND day < $2", [FIRST_DAY, LAST_DAY], 1),
    ("as_of = $1", [at(0)], 3),
    ("as_of = $1", [at(0).astimezone(dt.timezone(dt.timedelta(hours=2)))], 3),
    ("as_of BETWEEN $1 AND $2", [FIRST, LAST], 3),
    ("level = $1", [2.5], 1),
    ("level > $1", [2], 2),
    ("level = ANY($1)", [[1.0, 2.5]], 2),
    ("count = $1", [2**63 - 1], 1),
    ("count = ANY($1)", [[2**63 - 1, 7]], 1),
    ("(site, day) > ($1, $2)", ["A", FIRST_DAY], 2),
    ("tags @> $1", [["x"]], 1),
    ("$1 OR site = $2", [False, "B"], 1),
]


async def test_parameters_are_values(database: Database, feed: Feed) -> None:
    await feed.write(
        [
            measure(0, 1.0, "A", day=FIRST_DAY, tags=["x", "y"]),
            measure(0, 2.5, "B", day=LAST_DAY, count=2**63 - 1),
            measure(0, 4.0, "C"),
        ]
    )
    for condition, parameters, count in PARAMETERS:
        found = await database.fetch(f"SELECT site FROM measures WHERE {condition}", parameters)
        assert (condition, parameters, found.num_rows) == (condition, parameters, count)


NOT_READING = [
    "INSERT INTO events (run, status, count) VALUES ('a', 'b', 1)",
    "DELETE FROM measures",
    "DROP TABLE measures",
    "CREATE TABLE other (n bigint)",
    "EXPLAIN ANALYZE DELETE FROM measures",
    "SELECT 1 AS one; DELETE FROM measures",
    "COMMIT; DELETE FROM measures",
    "SELEC",
    "SELECT * FROM nowhere",
    "SELECT nothing FROM measures",
    "",
]


async def test_what_is_no_reading_is_refused(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    for sql in NOT_READING:
        with pytest.raises(Fatal):
            await database.fetch(sql)
        assert (await database.fetch("SELECT site FROM measures")).num_rows == 1


async def test_values_must_match_the_placeholders(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    for parameters in ([], ["A", "B"]):
        with pytest.raises(Fatal):
            await database.fetch("SELECT site FROM measures WHERE site = $1", parameters)
    with pytest.raises(EconstreamError, match="refuses a value"):
        await database.fetch("SELECT site FROM measures WHERE day = $1", ["no day"])


@pytest.mark.parametrize("whole", [False, True])
async def test_a_stream_is_one_snapshot(database: Database, feed: Feed, whole: bool) -> None:
    await feed.write([measure(0, site=f"S{n}") for n in range(25_000)])
    select = "SELECT level FROM measures WHERE site"
    then = [(f"{select} > $1 AND site <= $2", ["S15", "S7"]), (f"{select} > $1", ["S7"])]
    stream = database.stream(f"{select} <= $1", ["S15"], whole=whole, then=then)
    first = await anext(stream)
    await feed.write([measure(1, 2.0, site=f"S{n}") for n in range(25_000)])
    rest = [batch async for batch in stream]
    assert sum(batch.num_rows for batch in [first, *rest]) == 25_000
    assert {level for batch in [first, *rest] for level in batch["level"].to_pylist()} == {1.0}
    assert all(batch.schema == first.schema for batch in rest)


async def test_a_stream_closed_early_releases_its_connection(
    database: Database, feed: Feed
) -> None:
    """Many more streams than there are connections, each left in the middle."""
    await feed.write([measure(0, site=f"S{n}") for n in range(20_000)])
    async with asyncio.timeout(60):
        for _ in range(30):
            async with aclosing(cast("Any", database.stream("SELECT * FROM measures"))) as stream:
                assert (await anext(stream)).num_rows < 20_000
            async for _part in (stream := database.stream("SELECT * FROM measures")):
                break
            await cast("Any", stream).aclose()
    await feed.write([measure(1, 2.0)])


async def test_a_reader_cancelled_in_the_middle_releases_its_connection(
    database: Database,
) -> None:
    async with asyncio.timeout(60):
        for _ in range(10):
            reading = asyncio.create_task(database.fetch(SLOW[database.backend]))
            done, _ = await asyncio.wait([reading], timeout=0.05)
            assert not done
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert (await database.fetch("SELECT 1 AS one")).num_rows == 1


async def test_the_wait_for_the_first_rows_is_bounded(database: Database) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(Transient):
            await database.fetch(SLOW[database.backend], timeout_ms=100)
        assert (await database.fetch("SELECT 1 AS one", timeout_ms=10_000)).num_rows == 1


async def test_a_slow_reader_is_not_bounded(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, site=f"S{n}") for n in range(20_000)])
    stream = database.stream("SELECT * FROM measures", timeout_ms=1_000)
    read = (await anext(stream)).num_rows
    begun = time.monotonic()
    await until(lambda: time.monotonic() > begun + 1.5)
    assert read + sum([batch.num_rows async for batch in stream]) == 20_000


async def test_readers_and_a_writer_do_not_wait_for_each_other(
    database: Database, feed: Feed
) -> None:
    slow = [asyncio.create_task(database.fetch(SLOW[database.backend])) for _ in range(3)]
    async with asyncio.timeout(30):
        for minute in range(5):
            await feed.write([measure(minute, float(minute))])
            found = await database.fetch("SELECT level FROM measures")
            assert found["level"].to_pylist() == [float(minute)]
    assert not any(task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_an_error_in_the_middle_of_an_answer_is_told(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, site=f"S{n:05}", label="1") for n in range(20_000)])
    await feed.write([measure(0, site="T", label="not a number")])
    with pytest.raises(EconstreamError):
        await database.fetch("SELECT label::bigint AS n FROM measures")
    assert (await database.fetch("SELECT 1 AS one")).num_rows == 1


async def test_statements_are_executed_and_counted(database: Database, feed: Feed) -> None:
    await feed.write([measure(0, site=site) for site in "ABC"])
    sql = "UPDATE measures SET label = $1 WHERE site = ANY($2)"
    assert await database.execute(sql, ["seen", ["A", "B"]]) == 2
    assert await database.execute("CREATE TABLE other (n bigint)") == 0
    assert await database.execute("INSERT INTO other VALUES (1), (2)") == 2
    found = await database.fetch("SELECT count(*) AS n FROM measures WHERE label = 'seen'")
    assert found["n"].to_pylist() == [2]
