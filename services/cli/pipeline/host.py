"""Every part of the pipeline in one process: what `up` and `demo` stand on."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NoReturn

from fastapi import FastAPI

from services.api.app import create_app
from services.cli.pipeline.control_door import open_door
from services.loader.app import create_loader
from services.loader.readiness import Readiness
from services.loader.run import Loader
from services.processor.app import run_processor
from services.processor.progress import Handled
from shared.control import Claim, Running
from shared.database.base import Database
from shared.database.factory import create_database
from shared.embedded import EmbeddedBroker
from shared.errors import Fatal
from shared.kafka import Cluster, connect, declared_topics, ensure_topics, ping
from shared.lifecycle import Service, run_together
from shared.monitoring import Check, monitoring
from shared.pepper import check_pepper, find_pepper
from shared.registry import Registry, discover
from shared.settings import Settings
from shared.tracing import tracing

_GONE_SECONDS = 1.0
"""How long a broker's end may take to be noticed after what failed because of it."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the services of one process share; `settings` name the broker that is used."""

    settings: Settings
    registry: Registry
    cluster: Cluster
    database: Database
    loader: Loader
    api: FastAPI
    control_url: str
    token: str
    broker: EmbeddedBroker | None
    handled: Handled = field(default_factory=Handled)

    def announce(self, claim: Claim, api_url: str | None) -> None:
        """Write `up.json`, from when on the other commands find this process."""
        settings = self.settings
        claim.announce(
            Running(
                pid=os.getpid(),
                kafka_bootstrap_servers=self.cluster.bootstrap_servers,
                control_url=self.control_url,
                token=self.token,
                duckdb_path=(
                    settings.duckdb_path.resolve() if self.database.backend == "duckdb" else None
                ),
                api_url=api_url,
            )
        )

    async def process(self, stop: asyncio.Event) -> None:
        """Run the processor until `stop`; the process's one door for monitoring is the host's."""
        unmonitored = self.settings.model_copy(update={"metrics_port": 0})
        await run_processor(unmonitored, self.cluster, self.database, stop, self.handled)

    async def run(self, services: Mapping[str, Service], stop: asyncio.Event) -> None:
        """Run services side by side until all have ended; the first that fails ends all.

        Raises Fatal where the embedded broker has ended, whatever failed first because of it.
        """
        try:
            await run_together({"broker": self._watch_broker} | dict(services), stop)
        except ExceptionGroup as exc:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GONE_SECONDS):
                    await self._broker_ended(exc)
            raise

    async def _watch_broker(self, stop: asyncio.Event) -> None:
        ending = asyncio.ensure_future(self._broker_ended(None))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                ending.result()
        finally:
            stopping.cancel()
            ending.cancel()

    async def _broker_ended(self, consequence: BaseException | None) -> NoReturn:
        """Raise Fatal when the embedded broker has ended; wait for ever where there is none."""
        while self.broker is None:
            await asyncio.Event().wait()
        status = await self.broker.wait()
        raise Fatal(
            f"the embedded broker ended by itself with status {status}; "
            f"{broker_log(self.settings)} says why. Start again: nothing that is stored is lost"
        ) from consequence


@asynccontextmanager
async def hosting(settings: Settings) -> AsyncIterator[Host]:
    """Start the broker, open the database with its schema, make the topics, open the door.

    Bounded in time. Leaving the block ends all of it again. Raises ConfigError where a setting
    is wrong or there is no embedded broker, Transient where broker or database are away.
    """
    check_pepper(settings)
    registry = discover()
    async with AsyncExitStack() as stack:
        stack.enter_context(tracing(settings.otel_exporter_otlp_endpoint, "up"))
        broker = None
        if not settings.kafka_bootstrap_servers:
            broker = await stack.enter_async_context(EmbeddedBroker(broker_log(settings)))
            servers = broker.bootstrap_servers
            settings = settings.model_copy(update={"kafka_bootstrap_servers": servers})
        cluster = await connect(settings)
        # Loaders of one group know each other's connections by this name.
        database = create_database(settings, application=settings.loader_group_id)
        stack.push_async_callback(database.close)
        await database.open()
        await database.apply_schema(registry)
        await ensure_topics(cluster, declared_topics(settings, registry))
        token = secrets.token_urlsafe(32)
        pepper = partial(find_pepper, settings)
        control_url = await stack.enter_async_context(open_door(database, registry, token, pepper))
        loader = create_loader(settings, registry, cluster, database)
        checks: dict[str, Check] = {
            "loader": Readiness(loader.progress).check,
            "broker": partial(ping, cluster),
        }
        monitored = checks | {"database": database.ping}
        await stack.enter_async_context(monitoring(settings.metrics_port, monitored))
        api = create_app(database, registry, settings, checks=checks)
        yield Host(
            settings, registry, cluster, database, loader, api, control_url, token, broker
        )  # fmt: skip


def broker_log(settings: Settings) -> Path:
    """Return the file that the embedded broker logs to."""
    return settings.data_dir / "broker.log"
