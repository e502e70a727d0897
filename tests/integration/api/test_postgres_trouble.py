"""What readers see of a PostgreSQL that is locked, or that ends its connections."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.api.app import create_app
from shared.database.base import Database
from shared.database.factory import create_database
from shared.serving import listening
from shared.settings import Settings
from tests.api import REGISTRY, api_client, observations, store
from tests.waiting import until

FRED = REGISTRY["fred_data"]


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    settings = Settings(database_backend="postgresql", database_url=postgres_url)
    database = create_database(settings, application="api-in-trouble")
    await database.open()
    await database.apply_schema(REGISTRY)
    await store(database, FRED, observations("GDP", [1.0, 2.0]))
    yield database
    await database.close()


async def test_a_query_that_waits_too_long_is_503(postgres: Database, postgres_url: str) -> None:
    app = create_app(postgres, REGISTRY, Settings(api_statement_timeout_ms=200))
    locker = await asyncpg.connect(postgres_url)
    async with listening(app, "127.0.0.1", 0) as server, api_client(server.address) as client:
        async with locker.transaction():
            await locker.execute("LOCK TABLE fred_data IN ACCESS EXCLUSIVE MODE")
            for path in ("/v1/data/fred_data", "/v1/data/fred_data?format=csv", "/v1/datasets"):
                response = await client.get(path)
                assert response.status_code == 503
                assert response.headers["content-type"] == "application/problem+json"
                assert int(response.headers["retry-after"]) > 0
            assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/v1/data/fred_data")).status_code == 200
    await locker.close()


async def test_a_request_waits_shortly_for_a_connection_and_is_told_so(postgres_url: str) -> None:
    chosen = {"database_backend": "postgresql", "database_url": postgres_url}
    settings = Settings(**chosen, database_pool_size=1, database_wait_ms=50)
    database = create_database(settings, application="api-in-trouble")
    await database.open()
    await database.apply_schema(REGISTRY)
    app = create_app(database, REGISTRY, settings)
    async with listening(app, "127.0.0.1", 0) as server, api_client(server.address) as client:
        async with database.transaction():
            paths = ("/v1/data/fred_data", "/v1/data/fred_data?format=csv", "/v1/datasets")
            answers = await asyncio.gather(*(client.get(path) for path in paths * 3))
            assert {response.status_code for response in answers} == {503}
            assert all(int(response.headers["retry-after"]) > 0 for response in answers)
            assert (await client.get("/health")).status_code == 200
        assert (await client.get("/v1/data/fred_data")).status_code == 200
    await database.close()


async def test_connections_that_the_server_ends_are_made_anew(
    postgres: Database, postgres_url: str
) -> None:
    app = create_app(postgres, REGISTRY, Settings())
    ender = await asyncpg.connect(postgres_url)
    async with listening(app, "127.0.0.1", 0) as server, api_client(server.address) as client:
        for _ in range(3):
            ended = await ender.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'api-in-trouble'"
            )
            assert ended
            answers = await asyncio.gather(*(client.get("/v1/data/fred_data") for _ in range(6)))
            assert {response.status_code for response in answers} <= {200, 503}

            async def reads() -> bool:
                return (await client.get("/v1/data/fred_data")).status_code == 200

            await until(reads)
    await ender.close()
