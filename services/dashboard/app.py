"""Starts the dashboard as a child process, finds the API that it reads, and ends it cleanly."""

import asyncio
from collections.abc import Callable

from services.dashboard.server import serving
from shared.control import find_running
from shared.errors import ConfigError, Transient
from shared.settings import Settings


async def run_dashboard(
    settings: Settings,
    stop: asyncio.Event,
    *,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the dashboard until `stop` is set; `announce` is called once with its address.

    The API need not be there yet: pages say so and go on when it is. Raises ConfigError where
    the port cannot be had, Fatal where the server ends by itself.
    """
    if settings.dashboard_port == 0:
        raise ConfigError("DASHBOARD_PORT is 0, which means no dashboard: set it to a port")
    await _serve(settings, find_api(settings), stop, announce)


async def accompany(
    settings: Settings,
    api_url: str,
    stop: asyncio.Event,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve the dashboard beside an API of this process until `stop`; none where the port is 0.

    Raises as `run_dashboard` does.
    """
    if settings.dashboard_port:
        await _serve(settings, api_url, stop, announce)


async def _serve(
    settings: Settings,
    api_url: str,
    stop: asyncio.Event,
    announce: Callable[[str], None] | None,
) -> None:
    async with serving(settings, api_url) as dashboard:
        if await dashboard.ready(stop):
            if announce is not None:
                announce(dashboard.address)
            await dashboard.until(stop)


def find_api(settings: Settings) -> str:
    """Return the address of the API to read: the one set, that of the running `up`, or the usual.

    Reads two small files at most.
    """
    if settings.dashboard_api_url:
        return settings.dashboard_api_url.rstrip("/")
    try:
        running = find_running(settings.data_dir)
    except Transient:
        running = None
    if running is not None and running.api_url:
        return running.api_url
    return f"http://127.0.0.1:{settings.api_port or 8000}"
