"""Rows posted over HTTP until Kafka has acknowledged them, against a bare producer of the messages.

The API runs as a process of its own. Programs post NDJSON in bodies of 10,000 rows, each over
its own connection, and wait for each answer. In turns with them the messages that the API makes of
those rows, made beforehand, go to the same topic by `send`, which is aiokafka's producer as its
documentation uses it, and by `batches`, which fills its record batches by hand. All are
idempotent, with acks=all, lz4 and batches of 256 KiB. A ratio is the median of the rounds' ratios.
"""

import argparse
import asyncio
import datetime as dt
import http.client
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

from pydantic import SecretStr

from benchmarks.rig import machine
from benchmarks.rig.bare import BareProducer
from benchmarks.rig.bars import bars
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.progress import tell
from benchmarks.rig.serving import serving
from services.api.ingest.judge import Lot, judge
from shared.database.factory import create_database
from shared.database.keys import add_key
from shared.keys import Pepper, Scope, make_key
from shared.observability import configure_logging
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings

DATASET = "yfinance_ohlcv"
BODY_ROWS = 10_000
_PEPPER = "a pepper of the benchmark"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--posted-rows", type=int, default=200_000, help="rows in a round")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for one program that posts, and one for two at once. Blocks."""
    if options.quick:
        options.posted_rows, options.rounds = options.posted_rows // 10, 1
    configure_logging("WARNING", "console", "benchmark")
    with found(postgres=False) as places, asyncio.Runner() as runner:
        for programs in (1, 2):
            result = runner.run(_rounds(places, programs, options))
            ratio = result["send"]["ratio"]
            tell(f"{programs}: {result['rows_per_second']:,} rows/s, {ratio} of a bare producer")
            yield {"benchmark": "posting", "programs": programs, **result} | {
                "machine": machine.machine()
            }


async def _rounds(places: Places, programs: int, options: argparse.Namespace) -> dict[str, Any]:
    dataset, rows = discover()[DATASET], options.posted_rows
    async with AsyncExitStack() as closing:
        given = {"api_key_pepper": SecretStr(_PEPPER)}
        settings = await closing.enter_async_context(places.settings("duckdb", **given))
        cluster = await closing.enter_async_context(topics(settings, discover()))
        key = await _give_key(settings)
        bodies, records = [], []
        for first in range(0, rows, BODY_ROWS):
            lot = Lot(dataset, settings.kafka_topic_prefix, "benchmark", None, "0" * 32)
            table = bars(dataset, min(BODY_ROWS, rows - first), 1, first=first)
            lines = [_line(row) for row in table.to_pylist()]
            bodies.append(b"\n".join(lines))
            records += judge(lot, lines).records
        port, _ = await closing.enter_async_context(serving(settings))
        bare = await closing.enter_async_context(BareProducer.open(cluster))

        async def posted() -> None:
            shares = [bodies[number::programs] for number in range(programs)]
            await asyncio.gather(*(asyncio.to_thread(_post, port, key, each) for each in shares))

        return await _timed(posted, bare, records, options.rounds)


async def _timed(
    posted: Callable[[], Awaitable[None]], bare: BareProducer, records: list[Record], rounds: int
) -> dict[str, Any]:
    """Return rates by the median round, and the median ratio to each limit."""
    await posted()
    ours: list[float] = []
    limits: dict[str, list[float]] = {"send": [], "batches": []}
    turns: list[tuple[list[float], Callable[[], Awaitable[None]]]] = [
        (ours, posted),
        (limits["send"], lambda: bare.send(records)),
        (limits["batches"], lambda: bare.batches(records)),
    ]
    for number in range(rounds):
        for seconds, turn in turns if number % 2 else reversed(turns):
            began = time.perf_counter()
            await turn()
            seconds.append(time.perf_counter() - began)
    result: dict[str, Any] = {
        "rows": len(records),
        "rows_per_second": round(len(records) / median(ours)),
    }
    for name, limit in limits.items():
        ratios = [theirs / mine for theirs, mine in zip(limit, ours, strict=True)]
        result[name] = {
            "rows_per_second": round(len(records) / median(limit)),
            "ratio": round(median(ratios), 2),
            "ratios": [round(ratio, 2) for ratio in ratios],
        }
    return result


async def _give_key(settings: Settings) -> str:
    database = create_database(settings, application="posting")
    await database.open()
    try:
        await database.apply_schema(discover())
        key, text = make_key(Pepper(_PEPPER), [Scope.INGEST], dt.datetime.now(dt.UTC))
        await add_key(database, key)
        return text
    finally:
        await database.close()


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as a program would write it, which is not as the API publishes it."""
    return json.dumps(row, default=str).encode()


def _post(port: int, key: str, bodies: Sequence[bytes]) -> None:
    """Post bodies one after the other, each when the one before is acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    for body in bodies:
        connection.request("POST", f"/v1/data/ingest/{DATASET}", body, headers)
        response = connection.getresponse()
        said = json.loads(response.read())
        assert (response.status, said["accepted"]) == (202, body.count(b"\n") + 1), said
    connection.close()
