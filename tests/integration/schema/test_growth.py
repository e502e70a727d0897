"""Tables that hold rows, extended: what is added, what is refused, and who goes on meanwhile."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from shared.database.base import Database
from shared.dataset import Bigint
from shared.errors import ConfigError, Transient
from shared.settings import Settings
from tests.batches import EVENTS, MEASURES, Feed, Measure, at, measure, opened, rows

FEW = [MEASURES, EVENTS]


class Wider(Measure):
    """A measure with more, at its end and in between once it is stored."""

    more: Annotated[float | None, Field(description="one thing more")]
    sure: Annotated[bool, Field(description="whether")] = True
    note: Annotated[str, Field(description="it's what was said")] = "it's so"
    number: Annotated[Bigint, Field(description="how many")] = 3


async def test_columns_are_added_to_tables_that_hold_rows(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    await feed.write([measure(5, 2.0)])
    wider = replace(MEASURES, row=Wider)
    told = await database.apply_schema([wider, EVENTS])
    assert {f"added column measures{kind}.more" for kind in ("", "_revisions")} <= set(told)
    assert await database.check_schema([wider, EVENTS]) == []
    added = {"more": None, "sure": True, "note": "it's so", "number": 3}
    for name in ("measures", "measures_revisions", "measures_versions"):
        for row in await rows(database, name):
            assert {column: row[column] for column in added} == added
    # An older loader goes on beside the newer, and each asks what was known.
    await feed.write([measure(7, 3.0), measure(7, 3.0)])
    newer = Feed(database, wider, partition=1)
    await newer.claim()
    later = [
        (row | {"more": 0.5, "sure": False, "note": "n", "number": 4}, as_of)
        for row, as_of in (measure(9, 4.0), measure(9, 4.0, site="B"))
    ]
    await newer.write(later)
    await newer.write(later * 2)
    known = {moment: (await known_at(database, at(moment)))[0] for moment in (0, 5, 7, 9)}
    assert {m: (row["level"], row["more"], row["number"]) for m, row in known.items()} == {
        0: (1.0, None, 3), 5: (2.0, None, 3), 7: (3.0, None, 3), 9: (4.0, 0.5, 4),
    }  # fmt: skip
    assert list(known[0]) == [column.name for column in wider.stored]


async def known_at(database: Database, moment: Any) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM measures_as_of(TIMESTAMPTZ '{moment.isoformat()}') ORDER BY site"
    found: list[dict[str, Any]] = (await database.fetch(sql)).to_pylist()
    return found


async def test_what_others_built_on_the_views_is_not_torn_down(postgres_url: str) -> None:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with opened(settings, FEW) as database:
        await database.execute("CREATE VIEW mine AS SELECT * FROM measures_versions")
        wider = [replace(MEASURES, row=Wider), EVENTS]
        with pytest.raises(ConfigError, match="measures_versions because other objects depend"):
            await database.apply_schema(wider)
        assert await database.check_schema(FEW) == []
        await database.execute("DROP VIEW mine")
        assert await database.apply_schema(wider)


class Stricter(Measure):
    """A measure with a column that rows of before cannot fill."""

    wanted: Annotated[float, Field(description="what nobody knows of old rows")]


async def test_a_column_that_old_rows_cannot_fill_is_refused(database: Database) -> None:
    with pytest.raises(ConfigError, match=r"measures\.wanted is new and may not be null"):
        await database.apply_schema([replace(MEASURES, row=Stricter)])
    assert await database.check_schema(FEW) == []


async def test_a_reader_survives_a_column_that_is_added(database: Database, feed: Feed) -> None:
    await feed.write([measure(0)])
    for _ in range(6):
        assert (await rows(database, "measures"))[0]["level"] == 1.0
    await database.apply_schema([replace(MEASURES, row=Wider), EVENTS])
    for _ in range(6):
        assert (await rows(database, "measures"))[0]["sure"] is True


async def test_applying_while_a_loader_writes(database: Database, feed: Feed) -> None:
    """Neither stops the other for good, whether there is something to add or not."""
    wider = [replace(MEASURES, row=Wider), EVENTS]

    async def writing() -> None:
        for minute in range(30):
            while True:
                try:
                    await feed.write([measure(minute, float(minute)), measure(minute, site="B")])
                    break
                except Transient:
                    continue

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(writing())
        for _ in range(3):
            await database.apply_schema(FEW)
        await database.apply_schema(wider)
    versions = await database.fetch("SELECT count(*) AS n FROM measures_versions")
    assert versions["n"].to_pylist() == [31]
