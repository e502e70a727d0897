"""The broker and the databases of a run: found as the tests find theirs, and left as found."""

import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.rig.progress import tell
from shared.errors import ConfigError
from shared.kafka import Cluster, connect, declared_topics, delete_topics, ensure_topics
from shared.registry import Registry
from shared.settings import Settings
from tests.services import brokers, databases
from tests.services.search import UnavailableError, Way, find


@dataclass(frozen=True, slots=True)
class Places:
    """Where to measure: a broker's address, a PostgreSQL server's URL or None, a folder."""

    broker: str
    server: str | None
    folder: Path

    @asynccontextmanager
    async def settings(self, backend: str, **given: Any) -> AsyncIterator[Settings]:
        """Lend the settings of an empty database of this block's own, and a topic prefix."""
        name = f"bench_{uuid.uuid4().hex[:12]}"
        common = {
            "database_backend": backend,
            "kafka_bootstrap_servers": self.broker,
            "kafka_topic_prefix": f"{name}.",
            **given,
        }
        if backend == "duckdb":
            yield Settings(_env_file=None, duckdb_path=self.folder / f"{name}.duckdb", **common)
            return
        server = self.server or ""
        await _execute(server, f'CREATE DATABASE "{name}"')
        try:
            url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            yield Settings(_env_file=None, database_url=url, **common)
        finally:
            await _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def found(*, postgres: bool) -> Iterator[Places]:
    """Find a broker and, if asked for, a PostgreSQL; ends what was started for it.

    Raises ConfigError where there is none. Blocks while servers start.
    """
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="econstream-")))
        broker = _find("broker", brokers.WAYS, closing)
        server = _find("database", databases.WAYS, closing) if postgres else None
        yield Places(broker, server, folder)


@asynccontextmanager
async def topics(settings: Settings, registry: Registry) -> AsyncIterator[Cluster]:
    """Make the topics of the settings' prefix, and delete them in the end."""
    cluster = await connect(settings)
    specs = declared_topics(settings, registry)
    await ensure_topics(cluster, specs)
    try:
        yield cluster
    finally:
        await delete_topics(cluster, [spec.name for spec in specs])


def _find(what: str, ways: tuple[tuple[str, Way], ...], closing: ExitStack) -> str:
    try:
        service = find(ways, closing)
    except UnavailableError as exc:
        raise ConfigError(f"no {what} to measure with: {exc}") from exc
    tell(f"{what}: {service}")
    return service.address


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
