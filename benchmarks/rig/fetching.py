"""The fetcher in a process of its own, which does one backfill from an upstream nearby.

The one line it reads holds the settings, the upstream's address and what to fetch. It answers
with a line when it is ready, one after each answer that was taken, and one at the end.
"""

import asyncio
import datetime as dt
import json
import sys
import time
from typing import Any

from benchmarks.rig.upstream import Nearby
from services.fetcher.fetcher import Fetcher
from services.fetcher.runs.run import RunSummary
from services.fetcher.state.topic import TopicStates, state_topic
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.lifecycle import run
from shared.observability import configure_logging
from shared.registry import discover
from shared.settings import Settings


async def _serve(_stop: asyncio.Event) -> None:
    line = json.loads(sys.stdin.readline())
    settings = Settings(_env_file=None, **line["settings"])
    configure_logging("WARNING", "console", "fetcher", settings.secrets)
    cluster = await connect(settings)
    remembered = state_topic(settings)
    await ensure_topics(cluster, [*declared_topics(settings, discover()), remembered])
    async with Producer(cluster) as producer:
        states = TopicStates(cluster, producer, remembered.name)
        client = Nearby(line["address"])
        fetcher = Fetcher(settings, producer, states=states, client=lambda _: client)
        _tell({"ready": True})
        spent, began = time.process_time(), time.perf_counter()
        report = await fetcher.fetch_once([line["source"]], dt.date(1750, 1, 1), _progress)
        _tell(
            {
                "seconds": time.perf_counter() - began,
                "cpu_seconds": time.process_time() - spent,
                "records": report.records,
                "status": report.exit_status,
            }
        )


def _progress(summary: RunSummary) -> None:
    _tell({"answers": summary.answers, "records": summary.records})


def _tell(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(run(_serve))
