"""A second database, for what a calm run leaves behind."""

from collections.abc import AsyncIterator

import pytest

from tests.services.databases import fresh_database
from tests.services.search import Service


@pytest.fixture
async def other_postgres_url(postgres_server: Service) -> AsyncIterator[str]:
    """The URL of another empty database of this test's own."""
    async with fresh_database(postgres_server) as url:
        yield url
