"""From an upstream's answer to acknowledged by Kafka, against a bare producer of the messages.

A server on this machine answers as FRED and as Yahoo do. The fetcher asks it, parses, encodes
and publishes, and is timed from the first request to the last acknowledgement, its line on
data_refresh_log included. In turns with it the same messages, made beforehand, go to the same
topics: by `send`, which is aiokafka's producer as its documentation uses it, and by `batches`,
which fills its record batches by hand and waits once. All three are idempotent, with acks=all,
lz4 and batches of 256 KiB. A ratio is the median of the rounds' ratios.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pydantic import SecretStr

from benchmarks.rig import machine
from benchmarks.rig.bare import BareProducer
from benchmarks.rig.places import Places, found, topics
from benchmarks.rig.progress import tell
from benchmarks.rig.upstream import Nearby, upstream
from services.fetcher.fetcher import Fetcher
from services.fetcher.publish import Publisher
from shared.kafka import Producer
from shared.observability import configure_logging
from shared.record import Record
from shared.registry import discover
from shared.settings import Settings

_WATCHED = {"fred": "series", "yahoo": "tickers"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--answer-rows", type=int, default=50_000, help="rows in an answer")
    parser.add_argument("--answers", type=int, default=4, help="answers in a round")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield one result for each upstream. Blocks."""
    if options.quick:
        options.answer_rows, options.rounds = options.answer_rows // 10, 1
    configure_logging("WARNING", "console", "benchmark")
    with found(postgres=False) as places, asyncio.Runner() as runner:
        for source in _WATCHED:
            timings = runner.run(_rounds(places, source, options))
            result = timings.result()
            ratio = result["send"]["ratio"]
            tell(f"{source}: {result['rows_per_second']:,} rows/s, {ratio} of a bare producer")
            yield {"benchmark": "publishing", "source": source, **result} | {
                "machine": machine.machine()
            }


@dataclass(slots=True)
class Timings:
    """Seconds of the rounds of one upstream."""

    rows: int = 0
    fetcher: list[float] = field(default_factory=list)
    limits: dict[str, list[float]] = field(default_factory=lambda: {"send": [], "batches": []})

    def result(self) -> dict[str, Any]:
        """Return rates by the median round, and the median ratio to each limit."""
        result: dict[str, Any] = {
            "rows": self.rows,
            "rows_per_second": round(self.rows / median(self.fetcher)),
        }
        for name, limit in self.limits.items():
            ratios = [theirs / ours for theirs, ours in zip(limit, self.fetcher, strict=True)]
            result[name] = {
                "rows_per_second": round(self.rows / median(limit)),
                "ratio": round(median(ratios), 2),
                "ratios": [round(ratio, 2) for ratio in ratios],
            }
        return result


class Kept:
    """Takes records and keeps them."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def publish(self, records: Iterable[Record], /) -> object:
        self.records.extend(records)
        return None


async def _rounds(places: Places, source: str, options: argparse.Namespace) -> Timings:
    watchlist = places.folder / f"{source}.toml"
    names = ", ".join(f'"N{number:03d}"' for number in range(options.answers))
    watchlist.write_text(f"[{source}]\n{_WATCHED[source]} = [{names}]\n")
    given = {"watchlist": watchlist, "fred_api_key": SecretStr("0" * 32)}
    timings = Timings()
    async with AsyncExitStack() as closing:
        settings = await closing.enter_async_context(places.settings("duckdb", **given))
        cluster = await closing.enter_async_context(topics(settings, discover()))
        address = await closing.enter_async_context(upstream(options.answer_rows))
        producer = await closing.enter_async_context(Producer(cluster))
        bare = await closing.enter_async_context(BareProducer.open(cluster))
        kept = Kept()
        await _fetch(settings, kept, source, address)
        timings.rows = len(kept.records)

        async def fetched() -> None:
            await _fetch(settings, producer, source, address)

        turns: list[tuple[list[float], Callable[[], Awaitable[None]]]] = [
            (timings.fetcher, fetched),
            (timings.limits["send"], lambda: bare.send(kept.records)),
            (timings.limits["batches"], lambda: bare.batches(kept.records)),
        ]
        for number in range(options.rounds):
            for seconds, turn in turns if number % 2 else reversed(turns):
                began = time.perf_counter()
                await turn()
                seconds.append(time.perf_counter() - began)
    return timings


async def _fetch(settings: Settings, publisher: Publisher, source: str, address: str) -> None:
    fetcher = Fetcher(settings, publisher, client=lambda _: Nearby(address))
    report = await fetcher.fetch_once([source])
    assert report.exit_status == 0, report.runs
