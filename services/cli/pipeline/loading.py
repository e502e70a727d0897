"""The command `load`: its progress on a terminal, and what it did at the end."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from services.cli.output import listing, say
from services.cli.session import begin, find_up, refuse_held, run
from services.loader.app import load_topics
from services.loader.progress import Progress
from services.loader.summary import how_far, in_lines, what_it_did
from shared.control import join_broker
from shared.settings import Settings


def run_load(*, until_caught_up: bool) -> NoReturn:
    """Load and exit with the status; raises Fatal where an `up` loads into this DuckDB file."""
    settings = begin("load", least="WARNING" if until_caught_up else "DEBUG")
    refuse_held(settings, find_up(settings), "loads into it already")
    settings = join_broker(settings)
    run(lambda stop: _load(settings, stop, until_caught_up=until_caught_up))


async def _load(settings: Settings, stop: asyncio.Event, *, until_caught_up: bool) -> None:
    with _progress(shown=until_caught_up) as show:
        done = await load_topics(settings, stop, until_caught_up=until_caught_up, on_progress=show)
    if until_caught_up:
        rows = [(name, count) for name, count in sorted(done.by_dataset.items())]
        listing(["dataset", "records"], rows, as_json=False)
        say(what_it_did(done))


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[Progress], None]]:
    """Show progress on standard error: a bar to a person, else now and then a line."""
    if not shown:
        yield lambda _: None
    elif not sys.stderr.isatty():
        yield in_lines()
    else:
        columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("waiting for partitions", total=None)

            def show(progress: Progress) -> None:
                total = None if progress.lag is None else progress.records + progress.lag
                told = how_far(progress)
                bars.update(task, description=told, completed=progress.records, total=total)

            yield show
