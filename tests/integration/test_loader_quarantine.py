"""Too many dead letters, or a newer schema, pause one partition; the others go on."""

from collections.abc import Iterator

import httpx
import pytest

from shared.database.base import Reader
from shared.database.factory import create_database
from shared.errors import Fatal
from shared.kafka import connect, partition_for
from shared.record import Record
from shared.settings import Settings
from tests.loading import bar, execute, load, loading, produce, query, record
from tests.services.process import free_port
from tests.waiting import until

BAD_KEY, GOOD_KEY = b"BAD", b"GOOD-1"
BARS = "SELECT ticker, count(*) AS n FROM yfinance_ohlcv GROUP BY ticker ORDER BY ticker"
LETTERS = 'SELECT partition, min("offset") AS first, max("offset") AS last, count(*) AS n '
LETTERS += "FROM dead_letters GROUP BY partition"


def test_the_two_keys_are_on_two_partitions() -> None:
    assert partition_for(BAD_KEY, 2) != partition_for(GOOD_KEY, 2)


def bad(settings: Settings, count: int) -> Iterator[Record]:
    for _ in range(count):
        yield record(settings, b"{")._replace(key=BAD_KEY)


def good(settings: Settings, count: int, key: bytes = GOOD_KEY, first: int = 0) -> Iterator[Record]:
    for number in range(first, first + count):
        yield record(settings, bar(number, ticker=key.decode()))._replace(key=key)


def limited(settings: Settings, limit: float, **more: object) -> Settings:
    return settings.model_copy(update={"loader_dead_letter_limit": limit, **more})


async def test_one_letter_too_many_pauses_its_partition_and_no_other(
    loader_settings: Settings,
) -> None:
    settings = limited(loader_settings, 0.01)
    await produce(settings, [*bad(settings, 150), *good(settings, 300)])
    with pytest.raises(Fatal, match=r"LOADER_DEAD_LETTER_LIMIT=0\.01 allows 100") as raised:
        await load(settings)
    for remedy in ("discard", "raise the limit", "offsets reset yfinance_ohlcv"):
        assert remedy in str(raised.value)
    partition = partition_for(BAD_KEY, 2)
    paused = [{"partition": partition, "first": 0, "last": 100, "n": 101}]
    assert await query(settings, LETTERS) == paused
    assert await query(settings, BARS) == [{"ticker": "GOOD-1", "n": 300}]
    await produce(settings, good(settings, 50, first=1_000))
    with pytest.raises(Fatal):
        await load(settings)
    assert await query(settings, LETTERS) == paused, "the window survives a restart"
    assert await query(settings, BARS) == [{"ticker": "GOOD-1", "n": 350}]
    await load(limited(settings, 0.015))
    assert await query(settings, LETTERS) == [paused[0] | {"last": 149, "n": 150}]


async def test_as_many_letters_as_are_allowed_pause_nothing(loader_settings: Settings) -> None:
    settings = limited(loader_settings, 0.01)
    await produce(settings, bad(settings, 100))
    assert (await load(settings)).dead_letters == 100


async def test_letters_of_long_ago_do_not_count(loader_settings: Settings) -> None:
    settings = limited(loader_settings, 0.005)
    await produce(
        settings,
        [*bad(settings, 50), *good(settings, 9_950, BAD_KEY), *bad(settings, 50)],
    )
    assert (await load(settings)).dead_letters == 100
    await produce(settings, [*bad(settings, 1), *good(settings, 1, BAD_KEY)])
    with pytest.raises(Fatal, match="51 of its last"):
        await load(settings)


@pytest.mark.parametrize("loader_settings", ["postgresql"], indirect=True)
async def test_a_running_loader_says_so_and_goes_on_when_the_letters_are_discarded(
    loader_settings: Settings,
) -> None:
    settings = limited(loader_settings, 0.01, metrics_port=free_port())
    await produce(settings, [*bad(settings, 130), *good(settings, 10, BAD_KEY)])
    async with (
        loading(settings) as seen,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.metrics_port}") as door,
    ):
        await until(lambda: seen and seen[0].halts, within=30)
        ready = await door.get("/health/ready")
        assert ready.status_code == 503
        assert "is paused" in ready.json()["faults"]["loader"]
        topic, partition = f"{settings.kafka_topic_prefix}yfinance_ohlcv", partition_for(BAD_KEY, 2)
        labels = f'{{partition="{partition}",topic="{topic}"}}'

        async def told() -> bool:
            text = (await door.get("/metrics")).text
            return (
                f"econstream_loader_paused{labels} 1.0" in text
                and f"econstream_loader_lag_records{labels} 39.0" in text
            )

        await until(told)
        await produce(settings, good(settings, 20))
        await until(lambda: _stored(settings, [{"ticker": "GOOD-1", "n": 20}]))
        await execute(settings, "UPDATE dead_letters SET resolved_at = now()")
        everything = [{"ticker": "BAD", "n": 10}, {"ticker": "GOOD-1", "n": 20}]
        await until(lambda: _stored(settings, everything), within=30)
        await until(lambda: _is_ready(door))


@pytest.mark.parametrize("place", [0, 5])
async def test_a_newer_schema_pauses_its_partition_and_fills_no_dead_letters(
    loader_settings: Settings, place: int
) -> None:
    settings = loader_settings
    old = [_with_version(each, b"1") for each in good(settings, 10, BAD_KEY)]
    newer = _with_version(next(bad(settings, 1)), b"2")
    await produce(settings, [*old[:place], newer, *old[place:], *good(settings, 30)])
    for _ in range(2):
        with pytest.raises(Fatal, match=f"offset {place} is of a newer schema than version 1"):
            await load(settings)
        before = [{"ticker": "BAD", "n": place}] if place else []
        assert await query(settings, BARS) == [*before, {"ticker": "GOOD-1", "n": 30}]
        assert await query(settings, LETTERS) == []


async def test_a_version_that_is_no_number_is_a_dead_letter(loader_settings: Settings) -> None:
    settings = loader_settings
    odd = [_with_version(each, b"v2") for each in good(settings, 1, BAD_KEY, first=99)]
    await produce(settings, [*good(settings, 3, BAD_KEY), *odd, *good(settings, 3)])
    assert (await load(settings)).dead_letters == 1
    (letter,) = await query(settings, "SELECT error_code, field FROM dead_letters")
    assert letter == {"error_code": "wrong_schema_version", "field": "schema_version"}


def _with_version(each: Record, version: bytes) -> Record:
    return each._replace(headers=(*each.headers, ("schema_version", version)))


async def _stored(settings: Settings, rows: list[dict[str, object]]) -> bool:
    return await query(settings, BARS) == rows


async def _is_ready(door: httpx.AsyncClient) -> bool:
    return (await door.get("/health/ready")).status_code == 200


async def test_a_reset_passes_the_rest_over(loader_settings: Settings) -> None:
    settings = limited(loader_settings, 0.01)
    await produce(settings, [*bad(settings, 150), *good(settings, 10, BAD_KEY)])
    with pytest.raises(Fatal):
        await load(settings)
    await reset(settings, 150)
    await produce(settings, bad(settings, 100))
    assert (await load(settings)).dead_letters == 100
    assert await query(settings, BARS) == [{"ticker": "BAD", "n": 10}]


async def reset(settings: Settings, offset: int) -> None:
    reader = Reader((await connect(settings)).cluster_id, settings.loader_group_id)
    place = (f"{settings.kafka_topic_prefix}yfinance_ohlcv", partition_for(BAD_KEY, 2))
    database = create_database(settings, application="test")
    await database.open()
    try:
        await database.reset_offsets(reader, [(*place, offset)])
    finally:
        await database.close()
