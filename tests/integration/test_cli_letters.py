"""`dead-letters` and `offsets` as a user runs them, on both databases, beside a running `up`."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from shared.kafka import connect, read_whole
from shared.record import Record
from shared.settings import Settings
from tests.command_line import Shell, one_line
from tests.loading import EVENING, MORNING, bar, execute, load, loading, produce, query, record
from tests.waiting import until

TOPIC = "yfinance_ohlcv"


@pytest.fixture
def settings(loader_settings: Settings) -> Settings:
    return loader_settings.model_copy(update={"kafka_topic_partitions": 1})


@pytest.fixture
def shell(tmp_path: Path, settings: Settings) -> Shell:
    given = json.loads(settings.model_dump_json(exclude_unset=True))
    chosen = {name.upper(): str(value) for name, value in given.items()}
    chosen["KAFKA_TOPIC_PARTITIONS"] = "1"
    if settings.database_backend == "postgresql" and settings.database_url is not None:
        chosen["DATABASE_URL"] = settings.database_url.get_secret_value()
    return Shell(tmp_path, chosen)


async def run(shell: Shell, *arguments: str, status: int = 0) -> Any:
    done = await asyncio.to_thread(shell.run, *arguments, "--json")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


async def said(shell: Shell, *arguments: str, status: int) -> str:
    done = await asyncio.to_thread(shell.run, *arguments)
    assert done.returncode == status, done.stdout
    return done.stderr if status == 2 else one_line(done.stderr)


def odd(settings: Settings) -> dict[str, Record]:
    """Return records that are refused, with what a replay must not lose."""
    headers = (("as_of", MORNING.encode()), ("source", b"\xff"), ("x", b"1"), ("x", b"2"))
    good = record(settings, bar(1))
    return {
        "tombstone": good._replace(value=None, headers=headers),
        "key that is no text": good._replace(key=b"\xff\xfe", value=b"{", headers=headers),
        "empty": good._replace(key=None, value=b""),
    }


async def test_letters_are_listed_shown_and_discarded(settings: Settings, shell: Shell) -> None:
    await produce(settings, [*odd(settings).values(), record(settings, b'{"ticker": "A"}')])
    await load(settings)
    listed = await run(shell, "dead-letters", "list")
    ids = [row["id"] for row in listed]
    assert len(ids) == 4
    assert ids == sorted(ids, reverse=True)
    chosen = ("--dataset", "yfinance", "--error", listed[0]["error_code"], "--until", "2999-01-01")
    assert await run(shell, "dead-letters", "list", *chosen) == listed[:1]

    shown = await run(shell, "dead-letters", "show", str(ids[2]))
    assert (shown["key_base64"], shown["value"]) == ("//4=", "{")
    assert ["x", "text", "1"] in shown["headers"]
    raw = await asyncio.to_thread(shell.run, "dead-letters", "show", str(ids[0]), "--raw")
    assert raw.stdout == '{"ticker": "A"}'

    would = await run(shell, "dead-letters", "discard", *chosen, "--dry-run")
    assert would == {"letters": ids[:1], "discarded": 0, "dry_run": True}
    assert "--yes" in await said(shell, "dead-letters", "discard", "--all", status=2)
    assert (await run(shell, "dead-letters", "discard", "--all", "--yes"))["discarded"] == 4
    resolved = await run(shell, "dead-letters", "list", "--resolved", "--limit", "3")
    assert [row["resolution"] for row in resolved] == ["discarded"] * 3


async def test_a_replay_is_the_message_that_it_was_and_makes_no_second_letter(
    settings: Settings, shell: Shell
) -> None:
    sent = list(odd(settings).values())
    await produce(settings, sent)
    await load(settings)
    columns = "key, value, headers, message_timestamp, as_of, attempts"
    before = await query(settings, f'SELECT {columns} FROM dead_letters ORDER BY "offset"')
    done = await run(shell, "dead-letters", "replay", "--all", "--yes")
    assert done["replayed"] == 3
    again = await load(settings)
    assert (again.records, again.dead_letters) == (3, 3)
    after = await query(settings, f'SELECT {columns} FROM dead_letters ORDER BY "offset"')
    assert after == [row | {"attempts": 2} for row in before]
    messages = await _read(settings)
    assert [m[:2] for m in messages[3:]] == [m[:2] for m in messages[:3]]
    assert [m[3] for m in messages[3:]] == [m[3] for m in messages[:3]], "timestamps"
    for first, second in zip(messages[:3], messages[3:], strict=True):
        ours = {"as_of", "dead_letter_id"}
        assert [h for h in second[2] if h[0] not in ours] == [
            h for h in first[2] if h[0] != "as_of"
        ]


async def test_a_replay_stores_what_was_mended_and_overwrites_nothing_later(
    settings: Settings, shell: Shell
) -> None:
    """A loader of an older release refused what this one takes: the letter is put in by hand."""
    later = bar(1, open_=5.0)
    await produce(
        settings, [record(settings, b"{"), record(settings, b"["), record(settings, later, EVENING)]
    )
    await load(settings)
    letters = await run(shell, "dead-letters", "list")
    values = {letters[1]["id"]: bar(1, open_=1.0), letters[0]["id"]: bar(2)}
    for letter, value in values.items():
        await execute(settings, "UPDATE dead_letters SET value = $2 WHERE id = $1", letter, value)
    assert (await run(shell, "dead-letters", "replay", *map(str, values)))["replayed"] == 2
    progress = await load(settings)
    assert (progress.inserted, progress.dead_letters) == (1, 0)
    rows = await query(settings, "SELECT open, as_of FROM yfinance_ohlcv ORDER BY date")
    assert [row["open"] for row in rows] == [6.0, 3.0]
    assert rows[1]["as_of"].isoformat() == "2026-01-01T00:00:00+00:00"
    older = await query(settings, "SELECT open FROM yfinance_ohlcv_revisions")
    assert older == [{"open": 2.0}]
    resolved = await query(settings, "SELECT DISTINCT resolution FROM dead_letters")
    assert resolved == [{"resolution": "replayed"}]


async def _read(settings: Settings) -> list[tuple[Any, ...]]:
    """Return key, value, headers and timestamp of each record of the topic."""
    found = await read_whole(await connect(settings), f"{settings.kafka_topic_prefix}{TOPIC}")
    return [(m.key, m.value, list(m.headers), m.timestamp_ms) for m in found]


async def test_offsets_are_shown_and_reset(settings: Settings, shell: Shell) -> None:
    first, day = 1_700_000_000_000, 86_400_000
    bars = [record(settings, bar(number)) for number in range(10)]
    stamped = [each._replace(timestamp_ms=first + day * n) for n, each in enumerate(bars)]
    await produce(settings, stamped)
    await load(settings)
    (shown,) = await run(shell, "offsets", "show", TOPIC)
    assert shown == {
        "dataset": TOPIC, "topic": f"{settings.kafka_topic_prefix}{TOPIC}", "partition": 0,
        "epoch": 1, "stored_offset": 10, "begin_offset": 0, "end_offset": 10, "lag": 0,
        "state": "caught up",
    }  # fmt: skip
    (would,) = await run(shell, "offsets", "reset", TOPIC, "--to", "2023-11-18", "--dry-run")
    assert (would["from_offset"], would["to_offset"], would["epoch"]) == (10, 4, 2)
    assert (would["passed_over"], would["read_again"]) == (0, 6)
    assert await run(shell, "offsets", "reset", TOPIC, "--to", "4") == [would]
    (behind,) = await run(shell, "offsets", "show", TOPIC)
    assert (behind["epoch"], behind["lag"], behind["state"]) == (2, 6, "behind")
    assert (await load(settings)).records == 6
    (earliest,) = await run(shell, "offsets", "reset", TOPIC, "--to", "earliest")
    assert earliest["to_offset"] == 0
    (latest,) = await run(shell, "offsets", "reset", TOPIC, "--to", "latest", "--partition", "0")
    assert (latest["to_offset"], latest["passed_over"], latest["epoch"]) == (10, 10, 4)
    assert "--to" in await said(shell, "offsets", "reset", TOPIC, "--to=noon", status=2)
    assert "0 to 10" in await said(shell, "offsets", "reset", TOPIC, "--to", "11", status=1)


@pytest.mark.parametrize("loader_settings", ["postgresql"], indirect=True)
async def test_a_running_loader_goes_on_from_a_reset(settings: Settings, shell: Shell) -> None:
    await produce(settings, (record(settings, bar(n)) for n in range(10)))
    async with loading(settings) as seen:
        await until(lambda: seen and seen[0].records == 10, within=30)
        await run(shell, "offsets", "reset", TOPIC, "--to", "earliest")
        await until(lambda: seen[0].records == 20, within=30)
    assert await query(settings, "SELECT count(*) AS n FROM yfinance_ohlcv") == [{"n": 10}]
