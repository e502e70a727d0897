"""Rows moved between the two databases: all of them, once, resumable, verified, undone."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shared.database.base import Database
from shared.database.transfer.compare import same_rows, totals_of
from shared.database.transfer.journal import rows_from
from shared.database.transfer.offsets import OFFSETS
from shared.database.transfer.parts import Span
from shared.database.transfer.pieces import halves
from shared.database.transfer.rollback import Undone, rollback
from shared.database.transfer.run import Run, Transfer
from shared.database.transfer.source import look
from shared.errors import Fatal
from shared.settings import Settings
from tests.batches import Feed, measure, opened, refused
from tests.integration.pairs import FEW, UNITS, Pair, fill

TABLES = ("measures", "measures_revisions", "events", "dead_letters", "consumer_offsets")


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name in TABLES:
        rows = (await database.fetch(f"SELECT * FROM {name}")).to_pylist()
        found[name] = sorted(rows, key=repr)
    return found


def told(run: Run) -> list[tuple[str, int, int, int]]:
    return [(t.unit, t.appended, t.changed, t.refused) for t in run.tallies.values()]


async def test_everything_arrives_as_it_is_and_a_second_time_changes_nothing(pair: Pair) -> None:
    await fill(pair.source)
    before = await everything(pair.source)
    run = await pair.move()
    assert told(run) == [("measures", 19, 0, 0), ("events", 5, 0, 0), ("dead_letters", 1, 0, 0)]
    moved = await everything(pair.target)
    assert [moved[name] for name in TABLES[:4]] == [before[name] for name in TABLES[:4]]
    again = await pair.move()
    assert told(again) == [("measures", 0, 0, 0), ("events", 0, 0, 0), ("dead_letters", 0, 0, 0)]
    assert await everything(pair.target) == moved
    for verdict in (await pair.verify()).values():
        assert (verdict.same, verdict.faults, verdict.own) == (verdict.rows, 0, 0)
    next_letter = Feed(pair.target)
    await next_letter.claim()
    await next_letter.write([], [refused(next_letter.position.next_offset)])


async def test_both_compute_the_same_checksum_of_any_value(pair: Pair) -> None:
    await fill(pair.source)
    feed = Feed(pair.source, partition=7)
    await feed.claim()
    odd = (1e15, 1e16, 1e-5, 5e-324, -1.7976931348623157e308, 123456789.125, 0.1 + 0.2)
    texts = ("x" * 500, "\x1f\x1e~=", "é" * 150)
    await feed.write(
        [measure(0, v, f"odd {n}", label=texts[n % 3], count=-n) for n, v in enumerate(odd)]
    )
    await pair.move()
    source, target = [await look(d, UNITS, None, None) for d in (pair.source, pair.target)]
    assert [await same_rows(source, target, unit, Span()) for unit in UNITS] == [26, 5, 1]
    seen = {await totals_of(target, UNITS[0], Span())}
    for change in ("level = level + 1e-7", "label = ''", "label = NULL", "count = NULL"):
        await pair.target.execute(f"UPDATE measures SET {change} WHERE site = 'odd 6'")
        seen.add(await totals_of(target, UNITS[0], Span()))
    assert len(seen) == 5


async def test_what_the_target_knows_better_stays(pair: Pair) -> None:
    await fill(pair.source)
    feed = Feed(pair.target, partition=5)
    await feed.claim()
    await feed.write([measure(60, 9.0, "A"), measure(2.5, 7.0, "B"), measure(-5, 3.0, "C")])
    await feed.write([measure(0, 5.0, "own")])
    before = await everything(pair.target)
    run = await pair.move()
    now = await pair.target.fetch("SELECT site, level FROM measures WHERE day = '2026-01-01'")
    current = {row["site"]: row["level"] for row in now.to_pylist()}
    assert (current["A"], current["B"], current["C"], current["own"]) == (9.0, 7.0, 2.5, 5.0)
    verdicts = await pair.verify()
    assert [v.faults for v in verdicts.values()] == [0, 0, 0]
    assert verdicts["measures"].own >= 4
    versions = await everything(pair.target)
    assert told(await pair.move())[0] == ("measures", 0, 0, 0)
    assert await everything(pair.target) == versions
    undone = await rollback(pair.target, run.run_id, UNITS)
    assert not any(each.kept for each in undone)
    assert await everything(pair.target) == before


async def test_broken_off_at_any_part_it_goes_on(pair: Pair, monkeypatch: Any) -> None:
    await fill(pair.source)
    store, stored = Transfer._store, 0

    async def break_off(self: Any, *given: Any) -> Any:
        nonlocal stored
        stored += 1
        if stored % 3 == 0:
            raise asyncio.CancelledError
        done = await store(self, *given)
        if stored % 5 == 0:
            raise asyncio.CancelledError
        return done

    monkeypatch.setattr(Transfer, "_store", break_off)
    run, broken = None, 0
    while run is None:
        try:
            run = await pair.move(batch_rows=2)
        except asyncio.CancelledError:
            broken += 1
    assert broken > 4
    assert run.resumed
    before, moved = await everything(pair.source), await everything(pair.target)
    assert [moved[name] for name in TABLES[:4]] == [before[name] for name in TABLES[:4]]
    assert not any(each.kept for each in await rollback(pair.target, run.run_id, UNITS))
    assert not any((await everything(pair.target)).values())


@pytest.mark.parametrize("pair", ["postgresql"], indirect=True)
async def test_rows_without_a_key_end_no_table_that_is_broken_off(
    pair: Pair, monkeypatch: Any
) -> None:
    await pair.source.execute("DROP TABLE events")
    await pair.source.execute("CREATE TABLE events AS SELECT NULL::VARCHAR AS run, 'x' AS status")
    await pair.source.execute("INSERT INTO events VALUES ('run 1', 'done')")
    known = {unit.name: 0 for unit in [*UNITS, OFFSETS]}
    store = Transfer._store

    async def break_off(self: Any, *given: Any) -> Any:
        await store(self, *given)
        if given[1].name == "events":
            raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(Transfer, "_store", break_off)
        transfer = await pair.transfer(known_at=known)
        with pytest.raises(asyncio.CancelledError):
            await transfer.run(lambda _: None)
    run = await (await pair.transfer(known_at=known)).run(lambda _: None)
    assert (run.resumed, run.tallies["events"].refused) == (True, 1)
    assert (await pair.target.fetch("SELECT run FROM events"))["run"].to_pylist() == ["run 1"]
    reasons = (await pair.target.fetch("SELECT reason FROM transfer_rejects"))["reason"]
    assert reasons.to_pylist().count("its key is incomplete, or cannot be read") == 1


async def test_a_difference_is_named(pair: Pair) -> None:
    await fill(pair.source)
    await pair.move()
    await pair.target.execute("UPDATE measures SET level = 99 WHERE site = 'B'")
    await pair.target.execute("DELETE FROM events WHERE run = 'run 3'")
    verdicts = await pair.verify()
    assert verdicts["measures"].missing == [("B", dt.date(2026, 1, 1))]
    assert verdicts["events"].missing == [("run 3",)]
    assert (verdicts["measures"].faults, verdicts["events"].faults) == (1, 1)


async def test_a_rollback_leaves_what_others_wrote_since(pair: Pair) -> None:
    await fill(pair.source)
    run = await pair.move()
    feed = Feed(pair.target, partition=5)
    await feed.claim()
    await feed.write([measure(60, 9.0, "A"), measure(-9, 4.0, "B"), measure(0, 1.0, "new")])
    undone = {each.unit: each for each in await rollback(pair.target, run.run_id, UNITS)}
    assert undone["measures"] == Undone("measures", deleted=18, kept=1)
    left = await pair.target.fetch(
        "SELECT site, level FROM measures UNION ALL SELECT site, level FROM measures_revisions"
    )
    # What stood for A when another wrote is history that the other wrote.
    assert sorted(tuple(row.values()) for row in left.to_pylist()) == [
        ("A", -0.0), ("A", 9.0), ("B", 4.0), ("new", 1.0),
    ]  # fmt: skip
    now = await pair.target.fetch("SELECT site FROM measures ORDER BY site")
    assert now["site"].to_pylist() == ["A", "B", "new"]


@pytest.mark.parametrize("pair", ["duckdb"], indirect=True)
async def test_a_run_whose_rows_were_noted_otherwise_is_left_alone(pair: Pair) -> None:
    await fill(pair.source)
    run = await pair.move()
    before = await everything(pair.target)
    await pair.target.execute("UPDATE transfer_appended SET digest = md5(digest)")
    with pytest.raises(Fatal, match="earlier econstream"):
        await rollback(pair.target, run.run_id, UNITS)
    assert await everything(pair.target) == before


async def test_only_what_was_seen_since_is_moved(pair: Pair) -> None:
    await fill(pair.source)
    run = await pair.move(since=dt.datetime(2026, 1, 1, 12, 9, tzinfo=dt.UTC))
    assert told(run)[0] == ("measures", 9, 0, 0)
    assert not (await everything(pair.target))["consumer_offsets"]


async def test_what_postgresql_cannot_hold_is_told_and_the_rest_goes_on(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    async with (
        opened(Settings(duckdb_path=tmp_path / "odd.duckdb"), FEW) as source,
        opened(settings, FEW) as target,
    ):
        pair = Pair(source, target)
        await fill(source)
        for number, fault in enumerate(
            ("label = 'a' || chr(0)", "adjusted = 'Infinity'", "confirmed_as_of = '12000-01-01'")
        ):
            day = f"2019-01-0{number + 1}"
            await source.execute(
                "INSERT INTO measures (site, day, as_of, confirmed_as_of) "
                f"VALUES ('odd', '{day}', now(), now())"
            )
            await source.execute(f"UPDATE measures SET {fault} WHERE day = '{day}'")
        run = await pair.move(batch_rows=5)
        assert told(run)[0] == ("measures", 19, 0, 3)
        found = await target.fetch("SELECT reason, row FROM transfer_rejects ORDER BY reason")
        reasons = " ".join(found["reason"].to_pylist())
        assert all(word in reasons for word in ("NUL", "adjusted", "outside the years"))
        assert {rows_from(text)[0]["site"] for text in found["row"].to_pylist()} == {"odd"}
        assert (await pair.verify())["measures"].faults == 3


def test_a_part_is_cut_in_whole_keys() -> None:
    part = pa.table({"site": ["A", "A", "A", "B"], "day": [dt.date(2026, 1, 1)] * 4})
    found = halves(UNITS[0], Span(None, ("B", dt.date(2026, 1, 1))), part)
    assert found is not None
    assert [half.num_rows for _, half in found] == [3, 1]
    assert found[0][0].upto == ("A", dt.date(2026, 1, 1)) == found[1][0].after
    assert halves(UNITS[0], Span(), part.slice(0, 3)) is None
