"""A fetcher as a process of its own: fetches the tests' numbers once, and dies where it is told."""

import asyncio
import datetime as dt
import json
import os
import signal
import sys
from collections.abc import Mapping

from services.fetcher.fetcher import Fetcher
from services.fetcher.http.client import HttpClient, Limits
from services.fetcher.registry import SourceRegistry
from services.fetcher.state.memory import Had
from services.fetcher.state.topic import TopicStates, state_topic
from shared.kafka import Producer, connect, declared_topics, ensure_topics
from shared.registry import discover
from shared.settings import Settings
from tests.fetching import Numbers


class Dying(TopicStates):
    """Remembers, but ends the process with -9 before it would remember a certain request."""

    dies_at = ""

    async def keep(self, source: str, changes: Mapping[str, Had | None]) -> None:
        if self.dies_at and any(name.endswith(self.dies_at) for name in changes):
            os.kill(os.getpid(), signal.SIGKILL)
        await super().keep(source, changes)


async def main(order: dict[str, str]) -> None:
    """Fetch once from the server at `address`, a backfill where `since` is given."""
    settings = Settings(**json.loads(order["settings"]))
    cluster = await connect(settings)
    remembered = state_topic(settings)
    await ensure_topics(cluster, [*declared_topics(settings, discover()), remembered])
    async with Producer(cluster) as producer:
        states = Dying(cluster, producer, remembered.name)
        states.dies_at = order.get("dies_at", "")
        fetcher = Fetcher(
            settings,
            producer,
            states=states,
            registry=SourceRegistry([Numbers(order["address"])]),
            client=client,
        )
        since = dt.date.fromisoformat(order["since"]) if "since" in order else None
        report = await fetcher.fetch_once(since=since)
    sys.exit(report.exit_status)


def client(_: object) -> HttpClient:
    """Return a client for a server on this machine."""
    limits = Limits(attempts=1, seconds=20.0)
    return HttpClient({"127.0.0.1": 1_000.0}, limits=limits, schemes=("http",), private=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
