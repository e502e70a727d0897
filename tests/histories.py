"""Cases of the rule of versions: what arrives, in which batches, what dies, and what must stand."""

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import event
from hypothesis import strategies as st

from shared.database.base import Batch, Database
from shared.errors import StaleOwner
from shared.record import Message
from tests.batches import Feed, Record, at
from tests.reference import History, Known

VERSIONED = ("level", "label", "tags")
RUNS = "site, day, as_of, confirmed_as_of, level, label, tags, adjusted, kafka_offset"
NO_LETTER = -1
_NOT_NOW = " UNION ALL ".join(
    f"SELECT * FROM (SELECT * FROM {one} WHERE site = $1 EXCEPT ALL "
    f"SELECT * FROM {other} WHERE site = $1) AS more"
    for one, other in itertools.permutations(["measures", "measures_as_of(now())"])
)
"""What is known as of now and is not current, or the other way round."""
_cases = itertools.count()


class Said(NamedTuple):
    """A record of a case: which of its keys, when, and what; `again` replays a dead letter."""

    key: int
    minute: int
    values: tuple[Any, ...]
    adjusted: float
    again: bool = False


class Cut(NamedTuple):
    """Where a batch ends, what happens to the next, and which of the writers writes it."""

    place: int
    mishap: Literal["none", "rolled back", "answer lost"]
    writer: int


_levels = st.sampled_from(
    [(1.0, "a", ["x"]), (1.0, "a", ["x", "y"]), (2.0, None, None), (None, "", [])]
)
_said = st.builds(
    Said,
    st.integers(0, 3),
    st.integers(0, 10),
    _levels,
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([False, False, False, True]),
)
arrivals = st.lists(_said, min_size=1, max_size=24)
"""Retractions, repeated keys, ties, late, repeated and replayed records all come up."""

without_ties = st.lists(_said, min_size=1, max_size=16, unique_by=lambda s: (s.key, s.minute))

cuts = st.lists(
    st.builds(
        Cut,
        st.integers(0, 40),
        st.sampled_from(["none", "none", "rolled back", "answer lost"]),
        st.integers(0, 1),
    ),
    max_size=6,
)


def to_record(site: str, record: Said) -> Record:
    row = dict(zip(VERSIONED, record.values, strict=True)) | {"count": 7}
    day = dt.date(2026, 1, 1 + record.key)
    return {"site": site, "day": day, "adjusted": record.adjusted, **row}, at(record.minute)


def site_of(feed: Feed) -> str:
    return f"case {feed.partition}"


async def load(writers: Sequence[Database], arrived: list[Said], cuts: Iterable[Cut]) -> Feed:
    """Write a case in the batches that `cuts` make of it; its site is its own."""
    feed = Feed(writers[0], partition=next(_cases))
    await feed.claim()
    by_place = {cut.place % len(arrived): cut for cut in cuts}
    for start, end in pairwise(sorted({0, len(arrived), *by_place})):
        cut = by_place.get(start, Cut(0, "none", 0))
        feed.database = writers[cut.writer % len(writers)]
        await _write(feed, arrived[start:end], cut.mishap)
        assert not (await feed.database.fetch(_NOT_NOW, [site_of(feed)])).num_rows
    return feed


async def _write(feed: Feed, part: list[Said], mishap: str) -> None:
    """Write a batch; one that died before its commit, or right after it, is written again."""
    batch = batch_of(feed, part)
    if mishap == "rolled back":
        await feed.database.rehearse(batch)
    written = await feed.database.write(batch)
    counted = written.inserted + written.updated + written.confirmed + written.unchanged
    assert counted == len(part)
    if mishap == "answer lost":
        with pytest.raises(StaleOwner):
            await feed.database.write(batch)
    feed.position = batch.moves[0].end


def batch_of(feed: Feed, part: Iterable[Said]) -> Batch:
    """Return the batch of a feed's next records, those that are replayed named as such."""
    records = list(part)
    batch = feed.batch([to_record(site_of(feed), record) for record in records])
    first = feed.position.next_offset
    replayed = [
        (NO_LETTER, Message("topic", feed.partition, offset, 0, b"key", b"{}"))
        for offset, record in enumerate(records, first)
        if record.again
    ]
    return replace(batch, replayed=replayed)


def reference(arrived: Iterable[Said]) -> dict[int, History]:
    histories: dict[int, History] = defaultdict(History)
    for record in arrived:
        known = Known(record.values, record.adjusted)
        histories[record.key].arrive(at(record.minute), known, wins_tie=not record.again)
    return histories


def values_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in VERSIONED)


async def stored(feed: Feed, name: str, columns: str = RUNS) -> dict[int, list[dict[str, Any]]]:
    """Return a case's rows of a table by the case's keys, in order of as_of."""
    sql = f"SELECT {columns} FROM {name} WHERE site = $1 ORDER BY day, as_of"
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in (await feed.database.fetch(sql, [site_of(feed)])).to_pylist():
        found[row["day"].day - 1].append(row)
    return found


async def check_case(writers: Sequence[Database], arrived: list[Said], cuts: list[Cut]) -> None:
    """Write a case and hold all that stands then against the reference."""
    feed = await load(writers, arrived, cuts)
    splits = sum(history.splits for history in reference(arrived).values())
    event(f"runs split: {min(splits, 2)}")
    event(f"replayed: {any(record.again for record in arrived)}")
    await _check_tables(feed, arrived)
    await _check_answers(feed, arrived)
    await _check_versions(feed)
    await _load_again(feed, arrived)


async def _check_tables(feed: Feed, arrived: list[Said]) -> None:
    """Tables and revisions are the reference's, and each row names a message that says it."""
    current, revisions = await stored(feed, "measures"), await stored(feed, "measures_revisions")
    histories = reference(arrived)
    assert current.keys() == histories.keys()
    for key, history in histories.items():
        rows = [*revisions[key], *current[key]]
        runs = [
            (row["as_of"], row["confirmed_as_of"], values_of(row), row["adjusted"]) for row in rows
        ]
        assert runs == [tuple(run) for run in history.runs()]
        assert len(current[key]) == 1
        for before, after in pairwise(rows):
            assert before["confirmed_as_of"] < after["as_of"]
            assert values_of(before) != values_of(after)
        for row in rows:
            made = arrived[row["kafka_offset"]]
            assert (made.key, made.values) == (key, values_of(row))


async def _check_answers(feed: Feed, arrived: list[Said]) -> None:
    """What was known at each record's moment is the reference's."""
    histories = reference(arrived)
    minutes = sorted({-1, *(record.minute for record in arrived)})
    answers = " UNION ALL ".join(
        f"SELECT {minute} AS minute, a.* FROM "
        f"measures_as_of(TIMESTAMPTZ '{at(minute).isoformat()}') AS a"
        for minute in minutes
    )
    found: dict[int, dict[int, Any]] = {minute: {} for minute in minutes}
    for key, rows in (await stored(feed, f"({answers}) AS answers", f"{RUNS}, minute")).items():
        for row in rows:
            assert key not in found[row["minute"]]
            found[row["minute"]][key] = values_of(row)
    for minute, answer in found.items():
        known = {key: history.known_at(at(minute)) for key, history in histories.items()}
        assert answer == {key: values for key, values in known.items() if values is not None}


async def _check_versions(feed: Feed) -> None:
    """The view joins the table and its revisions, each until the next."""
    versions = await stored(feed, "measures_versions", f"{RUNS}, known_from, known_until")
    current, revisions = await stored(feed, "measures"), await stored(feed, "measures_revisions")
    for key, rows in versions.items():
        bounds = [(row.pop("known_from"), row.pop("known_until")) for row in rows]
        assert rows == [*revisions[key], *current[key]]
        moments = [row["as_of"] for row in rows]
        assert bounds == list(zip(moments, [*moments[1:], None], strict=True))


async def _load_again(feed: Feed, arrived: list[Said]) -> None:
    """What has come already, and has not lost its moment to another value, writes nothing."""
    before = [await stored(feed, name, "*") for name in ("measures", "measures_revisions")]
    runs = {key: history.runs() for key, history in reference(arrived).items()}
    again = [
        record._replace(adjusted=run.latest)
        for record in arrived
        for run in runs[record.key]
        if run.as_of <= at(record.minute) <= run.confirmed_as_of and run.values == record.values
    ]
    await feed.database.write(batch_of(feed, again))
    after = [await stored(feed, name, "*") for name in ("measures", "measures_revisions")]
    assert after == before


async def check_orders(
    writers: Sequence[Database], arrived: list[Said], order: list[int], cuts: list[Cut]
) -> None:
    """The current table is the fold over the set of records, whatever came when."""
    shuffled = [arrived[place] for place in order if place < len(arrived)]
    feeds = [await load(writers, records, cuts) for records in (arrived, shuffled)]
    tables = [await stored(feed, "measures") for feed in feeds]
    for key in {record.key for record in arrived}:
        newest = max((record for record in arrived if record.key == key), key=lambda r: r.minute)
        for ((row,),) in ((table[key],) for table in tables):
            assert (values_of(row), row["adjusted"]) == (newest.values, newest.adjusted)
            assert row["confirmed_as_of"] == at(newest.minute)
    splits = [sum(h.splits for h in reference(r).values()) for r in (arrived, shuffled)]
    if any(splits):
        event("a run was split")
        return
    event("no run was split")
    revisions = [await stored(feed, "measures_revisions") for feed in feeds]
    for one, other in (tables, revisions):
        assert [_bare(row) for row in _flat(one)] == [_bare(row) for row in _flat(other)]


def _flat(rows: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for key in sorted(rows) for row in rows[key]]


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without what tells one case from another."""
    return {name: value for name, value in row.items() if name not in ("site", "kafka_offset")}
