"""On what a figure was measured."""

import os
import platform
from importlib.metadata import version
from typing import Any

import asyncpg

_LIBRARIES = ("aiokafka", "asyncpg", "duckdb", "pgpq", "pyarrow", "uvloop")
_SERVER = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size")


def machine() -> dict[str, Any]:
    """Return cores, how busy they were, and the versions that matter."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


async def server(connection: asyncpg.Connection) -> dict[str, str]:
    """Return a PostgreSQL server's settings that bear on speed."""
    return {name: await connection.fetchval(f"SHOW {name}") for name in _SERVER}
