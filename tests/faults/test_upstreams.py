"""Upstreams that go wrong, again and again, each time a little otherwise."""

import gzip
import random
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from shared.kafka import Cluster
from shared.settings import Settings
from tests.integration.misbehaving import Reply, misbehaving, response, self_signed
from tests.integration.misfortunes import (
    CHUNKED,
    GOOD,
    LIMIT,
    Misfortune,
    drip,
    drip_of_head,
    misfortunes,
)
from tests.integration.upstreams import WELL, Fetching, Upstreams, fetching_from

SIDE_BY_SIDE = 4
"""How many upstreams go wrong in the same way at once."""


def throttled(dice: random.Random) -> Misfortune:
    after = str(dice.randrange(1, 10**6))
    return Misfortune(response(b"no", 429, retry_after=after), f"HTTP 429, retry after {after}")


def broken(dice: random.Random) -> Misfortune:
    status = dice.choice([500, 502, 503, 504])
    return Misfortune(response(GOOD, status), f"HTTP {status}")


def truncated(dice: random.Random) -> Misfortune:
    cut, packed = dice.randrange(len(GOOD)), gzip.compress(GOOD)
    part = packed[: dice.randrange(1, len(packed))]
    ways: list[tuple[Reply, str]] = [
        (response(GOOD[:cut], length=len(GOOD)), "cut short"),
        (CHUNKED + f"{len(GOOD):x}\r\n".encode() + GOOD[:cut], "cut short"),
        (response(part, content_encoding="gzip"), "truncated"),
    ]
    return Misfortune(*dice.choice(ways))


def dripping(dice: random.Random) -> Misfortune:
    return Misfortune(dice.choice([drip, drip_of_head]), "too slow")


def bomb(dice: random.Random) -> Misfortune:
    packed = gzip.compress(b"1\n" * dice.randrange(LIMIT, 1_000 * LIMIT), compresslevel=1)
    return Misfortune(response(packed, content_encoding="gzip"), "over 10,000 bytes")


def page(dice: random.Random) -> Misfortune:
    before = dice.choice([b"", b"\n  ", b"\xef\xbb\xbf"])
    text = dice.choice([b"<!doctype html><p>wait", b"<HTML>", b"<?xml version='1.0'?><error/>"])
    kind = dice.choice(["text/csv", "application/json", "text/html"])
    return Misfortune(response(before + text, content_type=kind), "a web page came")


def drifted(dice: random.Random) -> Misfortune:
    lines = [b"1", b"2", b"3"]
    lines[dice.randrange(3)] = dice.choice([b"n/a", b"1,5", b"-", b'{"value": 1}', b"0x10"])
    return Misfortune(response(b"\n".join(lines)), "not a number")


def untrusted(_: random.Random) -> Misfortune:
    return Misfortune(response(GOOD), "its certificate is not trusted", encrypted=True)


def loop(dice: random.Random) -> Callable[[str], Misfortune]:
    """Return what sends an upstream of a name to itself."""
    status = dice.choice([301, 302, 303, 307, 308])

    def of(name: str) -> Misfortune:
        turn = response(b"", status, location=f"/numbers/{name}")
        return Misfortune(turn, "over 5 redirects")

    return of


STRIKES = {
    strike.__name__: strike
    for strike in (throttled, broken, truncated, dripping, bomb, page, drifted, untrusted)
}


def struck(dice: random.Random) -> dict[str, Misfortune]:
    """Return several of each kind, by name."""
    found = {f"{kind}_{n}": STRIKES[kind](dice) for kind in STRIKES for n in range(SIDE_BY_SIDE)}
    return found | {f"loop_{n}": loop(dice)(f"loop_{n}") for n in range(SIDE_BY_SIDE)}


@pytest.fixture
async def fetching(
    cluster: Cluster, kafka_settings: Settings, seed: int, tmp_path: Path
) -> AsyncIterator[Fetching]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    async with misbehaving() as plain, misbehaving(self_signed(tmp_path)) as encrypted:
        upstreams = Upstreams(plain, encrypted, struck(random.Random(seed)))
        async with fetching_from(upstreams, cluster, kafka_settings, tmp_path) as runs:
            yield runs


def test_every_kind_of_fault_is_struck() -> None:
    """What is struck once, in its integration test, has at least these kinds."""
    once = {name.partition("_")[0] for name in misfortunes()}
    assert {kind.partition("_")[0] for kind in struck(random.Random(1))} <= once


async def test_however_often_they_go_wrong_nothing_is_published_and_all_is_had_when_they_are_well(
    fetching: Fetching, seed: int, rounds: Callable[[int, int], int]
) -> None:
    upstreams, dice = fetching.upstreams, random.Random(seed)
    upstreams.be_well(b"1", '"before"')
    await fetching.run()
    before = await fetching.remembered()
    mended = [name for name, fault in upstreams.wrong.items() if not fault.encrypted]
    values = dict.fromkeys((*mended, *WELL), 1)
    assert await fetching.series() == values

    for number in range(-(-rounds(20, 100) // SIDE_BY_SIDE)):
        upstreams.wrong = struck(dice)
        upstreams.be_well(f"{number}.5".encode(), f'"{number}"')
        upstreams.go_wrong()
        report = await fetching.run()
        values |= {name: values[name] + 1 for name in WELL}
        assert await fetching.series() == values, f"seed {seed}"
        after = await fetching.remembered()
        assert {name: after[name] for name in upstreams.wrong} == {
            name: before[name] for name in upstreams.wrong
        }, f"seed {seed}"
        runs = {run.source: run for run in report.runs}
        for name, fault in upstreams.wrong.items():
            assert runs[name].status == "failed", (name, seed)
            assert fault.said in str(runs[name].message), (name, seed)
            waits = runs[name].rest_until is not None
            assert waits == name.startswith("throttled"), (name, seed)
        assert all(runs[name].status == "success" for name in WELL)

    upstreams.be_well(GOOD, '"after"')
    await fetching.run()
    whole = dict.fromkeys(mended, 1 + 3) | {name: values[name] + 3 for name in WELL}
    assert await fetching.series() == whole, f"seed {seed}"
