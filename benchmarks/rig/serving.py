"""An API as a process of its own, over the database of a block's settings."""

import asyncio
import http.client
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from shared.settings import Settings
from tests.services.process import free_port
from tests.waiting import until_sync


@asynccontextmanager
async def serving(
    settings: Settings, module: str = "services.api"
) -> AsyncIterator[tuple[int, psutil.Process]]:
    """Start an API over the database; it ends with the block. Yields its port and its process.

    `module` is the program, where it is another that reads the same settings.
    """
    port = free_port()
    url, pepper = settings.database_url, settings.api_key_pepper
    given = {
        "DATABASE_BACKEND": settings.database_backend,
        "DATABASE_URL": url.get_secret_value() if url else "",
        "DUCKDB_PATH": str(settings.duckdb_path),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "KAFKA_TOPIC_PREFIX": settings.kafka_topic_prefix,
        "API_KEY_PEPPER": pepper.get_secret_value() if pepper else "",
        "API_PORT": str(port),
        "API_REQUESTS_PER_MINUTE": "1000000",
        "LOG_LEVEL": "WARNING",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        env=os.environ | {name: text for name, text in given.items() if text},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.to_thread(until_sync, lambda: _answers(port), 60.0)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
