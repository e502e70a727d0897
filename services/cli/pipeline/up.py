"""The command `up`: the services side by side in one event loop."""

import asyncio
from functools import partial

from services.api.app import serve
from services.cli.output import say
from services.cli.pipeline.host import Host, hosting
from services.dashboard.app import accompany
from services.fetcher.app import FetchOrder, run_fetcher
from shared.control import Claim, claim
from shared.lifecycle import Service
from shared.settings import Settings


async def run_up(settings: Settings, stop: asyncio.Event) -> None:
    """Run every service until `stop` is set; raises Fatal where another `up` lives.

    What is in hand is finished then, within seconds. The first service that fails ends all.
    """
    with claim(settings.data_dir) as claimed:
        async with hosting(settings) as host:
            await host.run(services(host, claimed), stop)
            claimed.withdraw()


def services(host: Host, claimed: Claim) -> dict[str, Service]:
    """Return the services of one process by name: whatever is added here is part of `up`."""

    async def fetch(stop: asyncio.Event) -> None:
        # The process has one door for monitoring, and the host has opened it.
        unmonitored = host.settings.model_copy(update={"metrics_port": 0})
        await run_fetcher(unmonitored, FetchOrder(), stop)

    async def load(stop: asyncio.Event) -> None:
        await host.loader.run(stop)

    async def process(stop: asyncio.Event) -> None:
        await host.process(stop)

    api_url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def api(stop: asyncio.Event) -> None:
        announce = partial(_announce, host, claimed, api_url)
        await serve(host.api, host.settings, stop, announce=announce)

    async def dashboard(stop: asyncio.Event) -> None:
        await accompany(host.settings, await api_url, stop, _announce_dashboard)

    return {
        "api": api,
        "dashboard": dashboard,
        "loader": load,
        "processor": process,
        "fetcher": fetch,
    }


def _announce(host: Host, claimed: Claim, announced: asyncio.Future[str], api_url: str) -> None:
    host.announce(claimed, api_url)
    announced.set_result(api_url)
    for line in addresses(host, api_url):
        say(line)


def _announce_dashboard(address: str) -> None:
    say(f"Dashboard {address}")


def addresses(host: Host, api_url: str) -> list[str]:
    """Return what a user needs to know of a running `up`, a line each."""
    settings = host.settings
    where = settings.duckdb_path if host.database.backend == "duckdb" else "PostgreSQL"
    broker = "embedded broker" if host.broker is not None else "broker"
    topics = f"{settings.kafka_topic_prefix}*"
    return [
        f"API       {api_url}/v1/datasets   (documentation: {api_url}/docs)",
        f"Kafka     {host.cluster.bootstrap_servers}   ({broker}, topics {topics})",
        f"Database  {where}",
        "Ctrl-C ends it; meanwhile econstream query, produce, fetch and the others find it.",
    ]
