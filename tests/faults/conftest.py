"""Servers that a test may end, and a second database for what a calm run leaves behind."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.services.databases import PostgresServer, fresh_database
from tests.services.search import Service, UnavailableError


@pytest.fixture
async def other_postgres_url(postgres_server: Service) -> AsyncIterator[str]:
    """The URL of another empty database of this test's own."""
    async with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test's own, which it may stop and start."""
    folder = Path(tempfile.mkdtemp(prefix="econstream-postgres-"))
    try:
        server = PostgresServer(folder)
    except UnavailableError as exc:
        pytest.skip(f"no PostgreSQL server of its own to stop: {exc}")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
