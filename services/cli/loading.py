"""The command `load`: its progress on a terminal, and what it did at the end."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from services.cli.output import listing, say
from services.cli.session import begin, find_up, refuse_held, run
from services.loader.app import load_topics
from services.loader.progress import Progress
from shared.control import join_broker
from shared.settings import Settings


def run_load(*, until_caught_up: bool) -> NoReturn:
    """Load and exit with the status; raises Fatal where an `up` loads into this DuckDB file."""
    settings = begin("load", least="WARNING" if until_caught_up else "DEBUG")
    refuse_held(settings, find_up(settings), "loads into it already")
    settings = join_broker(settings)
    run(lambda stop: _load(settings, stop, until_caught_up=until_caught_up))


async def _load(settings: Settings, stop: asyncio.Event, *, until_caught_up: bool) -> None:
    with _spinner(shown=until_caught_up) as show:
        done = await load_topics(settings, stop, until_caught_up=until_caught_up, on_progress=show)
    if until_caught_up:
        rows = [(name, count) for name, count in sorted(done.by_dataset.items())]
        listing(["dataset", "records"], rows, as_json=False)
        say(
            f"{done.records} records: {done.inserted} new, {done.updated} changed, "
            f"{done.confirmed} confirmed, {done.unchanged} known, {done.dead_letters} dead letters"
        )


@contextmanager
def _spinner(*, shown: bool) -> Iterator[Callable[[Progress], None]]:
    if not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("waiting for partitions")

        def show(progress: Progress) -> None:
            left = "" if progress.lag is None else f", {progress.lag:,} to go"
            bars.update(task, description=f"{progress.records:,} records stored{left}")

        yield show
