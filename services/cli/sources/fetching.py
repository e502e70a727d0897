"""The command `fetch`: its live progress, and the summary of each source at the end."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from services.cli.output import listing, say
from services.cli.session import begin, on_terminal, run
from services.cli.sources.catalogue import find_source
from services.fetcher.app import FetchOrder, run_fetcher
from services.fetcher.registry import discover
from services.fetcher.runs.report import FetchReport
from services.fetcher.runs.run import RunSummary
from services.fetcher.runs.summary import notes, summary_lines, summary_rows
from shared.control import join_broker
from shared.settings import Settings

_LINE_EVERY_SECONDS = 5.0


def run_fetch(order: FetchOrder) -> NoReturn:
    """Fetch as ordered and exit: 0, or 1 where something asked for could not be had."""
    sources = discover()
    for name in order.names:
        find_source(sources, name)
    finite = order.once or order.replay_dir is not None
    settings = begin("fetch", least="ERROR" if finite else "DEBUG")
    if not order.dry_run:
        settings = join_broker(settings)
    run(lambda stop: _fetch(settings, order, stop))


async def _fetch(settings: Settings, order: FetchOrder, stop: asyncio.Event) -> int | None:
    with answers_bar() as progress:
        report = await run_fetcher(settings, order, stop, progress)
    if report is None:
        return None
    _print(report)
    return report.exit_status


def _print(report: FetchReport) -> None:
    if not on_terminal():
        for line in summary_lines(report):
            say(line)
        return
    heading, *rows = summary_rows(report)
    listing(heading, rows, as_json=False)
    for note in notes(report):
        say(note)


def lines_of_progress(every: float = _LINE_EVERY_SECONDS) -> Callable[[RunSummary], None]:
    """Return what tells how far a run is, in a line on standard error for each source at times."""
    told: dict[str, float] = {}
    begun = time.monotonic()

    def show(run: RunSummary) -> None:
        now = time.monotonic()
        if now - told.get(run.source, begun) < every:
            return
        told[run.source] = now
        answers = f"{run.answers:,} of {max(run.planned, run.answers):,} answers"
        sys.stderr.write(f"{run.source}: {answers}, {run.records:,} records\n")
        sys.stderr.flush()

    return show


@contextmanager
def answers_bar() -> Iterator[Callable[[RunSummary], None]]:
    """Show a bar for each source on a terminal; elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield lines_of_progress()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("answers, {task.fields[records]:,} records"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def show(run: RunSummary) -> None:
            if run.source not in tasks:
                tasks[run.source] = bars.add_task(run.source, records=0)
            total = run.planned or None
            bars.update(tasks[run.source], completed=run.answers, total=total, records=run.records)

        yield show
