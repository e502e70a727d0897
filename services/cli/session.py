"""What every command begins with: its settings, its log, and the `up` that may be running."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import typer

from shared import lifecycle
from shared.control import Running, find_running
from shared.errors import EX_FAILED, Fatal
from shared.lifecycle import Service
from shared.observability import Level, configure_logging
from shared.settings import Settings, load_settings

_LEVELS: tuple[Level, ...] = ("DEBUG", "INFO", "WARNING", "ERROR")


def begin(command: str, *, least: Level = "WARNING") -> Settings:
    """Return the settings, with the log of this process set up; raises ConfigError.

    A command that answers and ends logs nothing below `least`, so that its answer stands
    alone; a service passes DEBUG and LOG_LEVEL alone decides.
    """
    settings = load_settings()
    level = max(settings.log_level, least, key=_LEVELS.index)
    configure_logging(level, settings.log_format, command, settings.secrets)
    return settings


def run(service: Service) -> NoReturn:
    """Run a service in an event loop until it ends or is told to, and exit with its status."""
    raise typer.Exit(lifecycle.run(service))


def wait_for(work: Callable[[], Coroutine[Any, Any, int | None]]) -> NoReturn:
    """Run work that ends by itself, and exit with its status; a signal cancels it at once."""

    async def service(stop: asyncio.Event) -> int | None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            watch = group.create_task(_cancel_at(stop, task))
            await asyncio.wait([task])
            watch.cancel()
        return EX_FAILED if task.cancelled() else task.result()

    run(service)


async def _cancel_at(stop: asyncio.Event, task: asyncio.Task[int | None]) -> None:
    await stop.wait()
    task.cancel()


def find_up(settings: Settings) -> Running | None:
    """Return the `up` or `demo` that runs on this machine's data folder, or None."""
    return find_running(settings.data_dir)


def holds_database(settings: Settings, running: Running | None) -> bool:
    """Return whether the running `up`, if any, holds the DuckDB file that these settings mean."""
    return running is not None and running.holds(settings)


def demo_path(settings: Settings) -> Path:
    """Return the DuckDB file that the demo writes."""
    return settings.data_dir / "demo.duckdb"


def refuse_held(settings: Settings, running: Running | None, doing: str) -> None:
    """Raise Fatal where a running `up` holds the database; `doing` says what it does with it."""
    if running is not None and holds_database(settings, running):
        raise Fatal(
            f"{running.duckdb_path} belongs to the running `econstream up` (pid {running.pid}), "
            f"which {doing}; stop it first, or set DUCKDB_PATH to another file"
        )


def on_terminal() -> bool:
    """Return whether a person reads the output, rather than a file or another program."""
    return sys.stdout.isatty()
