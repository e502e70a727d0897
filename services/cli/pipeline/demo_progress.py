"""How far the demo is: live bars on a terminal, now and then a line in a pipe."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from services.cli.output import say
from services.cli.session import on_terminal
from services.fetcher.runs.run import RunSummary
from services.loader.progress import Progress as Loaded

_LINE_EVERY_SECONDS = 2.0


class Display:
    """Counts what is published and stored; `fetched` hears of each source, `stored` of time."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._published: dict[str, int] = {}
        self._told = time.monotonic()

    def fetched(self, run: RunSummary) -> None:
        """Show how far a source's run is."""
        self._published[run.source] = run.records
        self.stored()

    def stored(self) -> None:
        """Show how far the loader is; call it now and then."""
        if time.monotonic() - self._told > _LINE_EVERY_SECONDS:
            self.close()

    def close(self) -> None:
        """Show where it ended."""
        self._told = time.monotonic()
        say(f"{self.published:,} records published, {self._loaded.records:,} stored")

    @property
    def published(self) -> int:
        """How many records the fetchers have published."""
        return sum(self._published.values())


class LiveDisplay(Display):
    """Shows a bar for each source and one for the loader."""

    def __init__(self, loaded: Loaded, bars: Progress) -> None:
        super().__init__(loaded)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._loading = bars.add_task("loader", total=None, unit="records stored")

    def fetched(self, run: RunSummary) -> None:
        if run.source not in self._tasks:
            self._tasks[run.source] = self._bars.add_task(run.source, unit="answers replayed")
        total = run.planned or None
        self._bars.update(self._tasks[run.source], completed=run.answers, total=total)
        super().fetched(run)

    def stored(self) -> None:
        done = self._loaded.records
        # Each source's run is logged as one record more, which no source counts.
        self._bars.update(self._loading, completed=done, total=max(self.published, done))

    def close(self) -> None:
        self.stored()


@contextmanager
def display(loaded: Loaded) -> Iterator[Display]:
    """Show progress while the block runs, as fits where the output goes."""
    if not on_terminal():
        shown = Display(loaded)
        yield shown
        shown.close()
        return
    columns = (
        TextColumn("{task.description:>8}"),
        BarColumn(),
        TextColumn("{task.completed:,} {task.fields[unit]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as bars:
        live = LiveDisplay(loaded, bars)
        yield live
        live.close()
