"""The loader from a real broker into each database."""

import asyncio
from pathlib import Path

import pytest

from shared.kafka import connect, declared_topics, ensure_topics
from shared.registry import discover
from shared.settings import Settings
from tests.loading import EVENING, MORNING, bar, load, produce, record, snapshot
from tests.waiting import until


@pytest.fixture(params=["duckdb", "postgresql"])
def settings(request: pytest.FixtureRequest, kafka_settings: Settings, tmp_path: Path) -> Settings:
    """Settings that lead to real Kafka and to an empty database, each kind in turn."""
    chosen: dict[str, object] = {"database_backend": request.param, "data_dir": tmp_path}
    if request.param == "postgresql":
        chosen["database_url"] = request.getfixturevalue("postgres_url")
    else:
        chosen["duckdb_path"] = tmp_path / "test.duckdb"
    group = f"{kafka_settings.kafka_topic_prefix}loader"
    merged = kafka_settings.model_dump(exclude_unset=True) | chosen | {"loader_group_id": group}
    return Settings(**merged)


async def test_empty_topics_are_caught_up(settings: Settings) -> None:
    progress = await load(settings)
    assert progress.records == 0
    assert progress.lag == 0


async def test_rows_are_stored_once_however_often_it_runs(settings: Settings) -> None:
    await produce(settings, (record(settings, bar(n)) for n in range(5_000)))
    first = await load(settings)
    again = await load(settings)
    assert (first.records, first.inserted, again.records) == (5_000, 5_000, 0)
    rows = (await snapshot(settings))["yfinance_ohlcv"]
    assert len(rows) == 5_000
    assert {row["kafka_epoch"] for row in rows} == {1}
    assert rows[0]["open"] == 1.0
    assert rows[0]["confirmed_as_of"] == rows[0]["as_of"]


async def test_a_newer_value_leaves_the_older_as_a_revision(settings: Settings) -> None:
    await produce(settings, (record(settings, bar(n)) for n in range(100)))
    await load(settings)
    changed = (record(settings, bar(n, open_=7.0), EVENING) for n in range(50))
    confirmed = (record(settings, bar(n), EVENING) for n in range(50, 100))
    await produce(settings, [*changed, *confirmed])
    progress = await load(settings)
    assert (progress.updated, progress.confirmed) == (50, 50)
    found = await snapshot(settings)
    assert len(found["yfinance_ohlcv"]) == 100
    assert [row["open"] for row in found["yfinance_ohlcv_revisions"]] == [
        1.0 + number for number in range(50)
    ]


async def test_an_older_record_never_takes_the_place_of_a_newer(settings: Settings) -> None:
    await produce(settings, [record(settings, bar(1, open_=9.0), EVENING)])
    await load(settings)
    await produce(settings, [record(settings, bar(1, open_=1.0), MORNING)])
    await load(settings)
    found = await snapshot(settings)
    assert [row["open"] for row in found["yfinance_ohlcv"]] == [10.0]
    assert [row["open"] for row in found["yfinance_ohlcv_revisions"]] == [2.0]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
async def test_each_poison_pill_is_one_dead_letter_and_its_neighbours_are_stored(
    settings: Settings, place: str
) -> None:
    pills = _poison()
    good = [record(settings, bar(n)) for n in range(1_000)]
    at = {"first": 0, "middle": 500, "last": 1_000}[place]
    bad = [record(settings, value) for value in pills.values()]
    await produce(settings, [*good[:at], *bad, *good[at:]])
    progress = await load(settings)
    found = await snapshot(settings)
    letters = found["dead_letters"]
    assert len(found["yfinance_ohlcv"]) == 1_000
    assert progress.dead_letters == len(letters) == len(pills)
    assert sorted(map(repr, pills.values())) == sorted(repr(row["value"]) for row in letters)
    for letter in letters:
        assert letter["key"] is not None
        assert letter["reason"]
        assert letter["error_code"]
        assert letter["as_of"] is not None
        assert letter["headers"].startswith('[["as_of"')


async def test_transactions_left_open_or_aborted_do_not_hold_the_lag_up(
    settings: Settings,
) -> None:
    """Control records take offsets; what is stored stands past them."""
    from aiokafka import AIOKafkaProducer

    await ensure_topics(await connect(settings), declared_topics(settings, discover()))
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        transactional_id=f"{settings.kafka_topic_prefix}tx",
    )
    await producer.start()
    try:
        for number, commit in enumerate([True, False, True, False]):
            await producer.begin_transaction()
            item = record(settings, bar(number))
            await producer.send_and_wait(
                item.topic, item.value, key=item.key, headers=list(item.headers)
            )
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()

    async def stored() -> bool:
        progress = await load(settings)
        opened = [row["open"] for row in (await snapshot(settings))["yfinance_ohlcv"]]
        return progress.lag == 0 and opened == [1.0, 3.0]

    # A commit is answered before its marker is on the partition, so one look may be too early.
    await until(stored, within=30)


# A DuckDB file belongs to one process.
@pytest.mark.parametrize("settings", ["postgresql"], indirect=True)
async def test_two_loaders_of_one_group_store_every_record_once(settings: Settings) -> None:
    await produce(settings, (record(settings, bar(n, bars_a_ticker=100)) for n in range(20_000)))
    both = await asyncio.gather(load(settings), load(settings))
    rows = (await snapshot(settings))["yfinance_ohlcv"]
    assert len(rows) == 20_000
    assert sum(progress.inserted for progress in both) == 20_000


def _poison() -> dict[str, bytes | None]:
    good = bar(77_777)
    pills: dict[str, bytes | None] = {
        "bad json": b'{"ticker": "A",',
        "wrong type": good.replace(b'"volume": 77877', b'"volume": 1.5'),
        "true for a number": good.replace(b'"volume": 77877', b'"volume": true'),
        "nan": good.replace(b'"high": 2.5', b'"high": NaN'),
        "infinity": good.replace(b'"high": 2.5', b'"high": Infinity'),
        "1e400": good.replace(b'"high": 2.5', b'"high": 1e400'),
        "huge integer": good.replace(b'"volume": 77877', b'"volume": 12345678901234567890'),
        "nul": good.replace(b'"USD"', b'"\\u0000"'),
        "deep": b'{"ticker": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "duplicate key": good.replace(b'"high": 2.5', b'"high": 2.5, "high": 2.5'),
        "unknown field": good.replace(b"}", b', "other": 1}'),
        "left out": good.replace(b'"high": 2.5, ', b""),
        "invalid utf-8": good.replace(b"USD", b"\xff\xfe"),
        "bom": b"\xef\xbb\xbf" + good,
        "date out of range": bar(77_777, date="10000-01-01"),
        "impossible date": bar(77_777, date="2024-02-30"),
        "null": b"null",
        "array": b"[" + good + b"]",
        "empty": b"",
        "tombstone": None,
    }
    oversized = bar(77_777, currency="x" * 900_000 + "\x00")
    return pills | {"large": oversized}
