"""The control door: what others may ask of the database that a running `up` holds."""

import asyncio
import datetime as dt
import http.client
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from services.cli.pipeline.control_door import MAX_BODY_BYTES, open_door
from shared.control import Door, Running
from shared.database.base import Database
from shared.database.duckdb import DuckdbDatabase
from shared.errors import Fatal, Transient
from shared.keys import Pepper
from shared.registry import discover

TOKEN = "the-token-of-up.json"


def pepper() -> Pepper:
    return Pepper("a pepper of the tests")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = DuckdbDatabase(tmp_path / "held.duckdb", memory_limit="500MB")
    await database.open()
    await database.apply_schema(discover())
    yield database
    await database.close()


@pytest.fixture
async def running(database: Database) -> AsyncIterator[Running]:
    async with open_door(database, discover(), TOKEN, pepper) as url:
        yield Running(1, "127.0.0.1:1", url, TOKEN, None, None)


async def asked(running: Running, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
    return await asyncio.to_thread(Door(running).query, sql, parameters)


async def raw(
    running: Running, method: str, path: str, body: bytes | None = None, token: str = TOKEN
) -> tuple[int, bytes]:
    def exchange() -> tuple[int, bytes]:
        place = urlsplit(running.control_url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=10)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    return await asyncio.to_thread(exchange)


async def test_rows_arrive_with_their_types(running: Running) -> None:
    moment = dt.datetime(2008, 10, 30, 23, 59, 59, 999999, dt.UTC)
    table = await asked(
        running,
        "SELECT i, $1::DATE AS day, $2::TIMESTAMPTZ AS at, $3 AS name FROM range(100000) AS r (i)",
        [dt.date(2008, 10, 30), moment, "ü"],
    )
    assert table.num_rows == 100_000
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")
    assert table.slice(99_999).to_pylist() == [
        {"i": 99_999, "day": dt.date(2008, 10, 30), "at": moment, "name": "ü"}
    ]
    assert (await asked(running, "SELECT 1 AS x WHERE false")).schema.names == ["x"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM fred_series",
        "SELECT 1; DELETE FROM fred_series",
        "COMMIT; DELETE FROM fred_series",
        "EXPLAIN ANALYZE DELETE FROM fred_series",
        "CREATE TABLE mine (i INTEGER)",
        "COPY fred_series TO 'stolen.csv'",
        "ATTACH 'other.duckdb'",
        "SET memory_limit = '1MB'",
        "INSERT INTO fred_series (series_id) VALUES ('X') RETURNING *",
    ],
)
async def test_nothing_can_be_written(running: Running, database: Database, sql: str) -> None:
    await database.execute(
        "INSERT INTO fred_series (series_id, title, as_of, confirmed_as_of) "
        "VALUES ('GDP', 'Output', now(), now())"
    )
    with pytest.raises((Fatal, Transient)):
        await asked(running, sql)
    assert (await asked(running, "SELECT series_id FROM fred_series")).to_pylist() == [
        {"series_id": "GDP"}
    ]
    assert await database.check_schema(discover()) == []


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM nowhere", ""])
async def test_a_statement_that_fails_is_told_with_its_reason(running: Running, sql: str) -> None:
    with pytest.raises(Fatal) as raised:
        await asked(running, sql)
    assert "Traceback" not in str(raised.value)


async def test_a_query_that_fails_on_its_way_is_never_taken_for_whole(running: Running) -> None:
    torn = "CASE WHEN i = 900000 THEN error('torn') ELSE 1 END"
    sql = f"SELECT i, {torn} FROM range(1000000) AS r (i)"
    with pytest.raises((Transient, Fatal)):
        await asked(running, sql)


async def test_the_schema_is_checked_and_mended(running: Running, database: Database) -> None:
    door = Door(running)
    await database.execute("DROP VIEW fred_series_versions")
    await database.execute("DROP TABLE fred_series_revisions")
    drift = await asyncio.to_thread(door.check_schema)
    assert any("fred_series_revisions" in line for line in drift)
    assert await asyncio.to_thread(door.apply_schema)
    assert await asyncio.to_thread(door.check_schema) == []
    assert await asyncio.to_thread(door.positions) == []


async def test_offsets_are_reset_and_letters_discarded(
    running: Running, database: Database
) -> None:
    door, reader = Door(running), {"cluster_id": "c", "group_id": "g"}
    reset = await asyncio.to_thread(door.reset_offsets, reader, [("topic", 0, 5)])
    assert reset == await asyncio.to_thread(door.positions, reader)
    assert (reset[0]["next_offset"], reset[0]["first_offset"]) == (5, 5)
    other = {"cluster_id": "c", "group_id": "other"}
    assert await asyncio.to_thread(door.positions, other) == []
    assert await asyncio.to_thread(door.discard_letters, [1, 2]) == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/positions", b"[]"),
        ("/positions", b'{"cluster_id": "c", "group_id": "g", "targets": [["t", 0]]}'),
        ("/positions", b'{"cluster_id": "c", "group_id": "g", "targets": [["t", "x", 1]]}'),
        ("/dead-letters/discard", b"{"),
        ("/dead-letters/discard", b'["x"]'),
    ],
)
async def test_a_change_that_cannot_be_read_is_refused(
    running: Running, path: str, body: bytes
) -> None:
    assert (await raw(running, "POST", path, body))[0] == 400
    assert (await raw(running, "POST", path, body, "wrong"))[0] == 401


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x", "ü"])
async def test_without_the_token_nothing_is_answered(running: Running, token: str) -> None:
    for method, path in (("POST", "/query"), ("GET", "/schema"), ("POST", "/schema")):
        status, body = await raw(running, method, path, b'{"sql": "SELECT 1"}', token)
        assert status == 401
        assert "detail" in json.loads(body)
    with pytest.raises(Fatal, match="token"):
        await asked(replace(running, token="wrong"), "SELECT 1")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"parameters": []}', b'{"sql": "SELECT 1", "parameters": 5}', b"\xff"],
)
async def test_a_question_that_cannot_be_read_is_refused(running: Running, body: bytes) -> None:
    status, answer = await raw(running, "POST", "/query", body)
    assert status == 400
    assert "cannot be read" in json.loads(answer)["detail"]


async def test_a_question_without_end_is_cut_short(running: Running) -> None:
    status, _ = await raw(running, "POST", "/query", b" " * (MAX_BODY_BYTES + 1))
    assert status == 400


async def test_a_door_that_has_closed_is_said_to_be_ending(database: Database) -> None:
    async with open_door(database, discover(), TOKEN, pepper) as url:
        gone = Running(1, "", url, TOKEN, None, None)
    with pytest.raises(Transient, match="ending"):
        await asked(gone, "SELECT 1")
