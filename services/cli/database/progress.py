"""What moving and verifying show while they last, on standard error, and how long they took."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from shared.observability import report

Told = Callable[[str, int], None]


@contextmanager
def telling(doing: str) -> Iterator[Told]:
    """Lend what shows rows done by table: a bar on a terminal, a line at each table elsewhere."""
    with _bars(doing) if sys.stderr.isatty() else nullcontext(_lines(doing)) as told:
        yield told


@contextmanager
def timed(doing: str) -> Iterator[None]:
    """Say at the end of a block how long it took."""
    began = time.monotonic()
    yield
    report(f"{doing} took {time.monotonic() - began:.1f} s")


def _lines(doing: str) -> Told:
    seen: set[str] = set()

    def tell(unit: str, _rows: int) -> None:
        if unit not in seen:
            seen.add(unit)
            report(f"{doing} {unit}")

    return tell


@contextmanager
def _bars(doing: str) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (
        SpinnerColumn(),
        TextColumn(f"{doing} {{task.description}}"),
        TextColumn("{task.completed:,} rows"),
        TextColumn("{task.fields[rate]:,} rows/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def tell(unit: str, rows: int) -> None:
            if unit not in tasks:
                tasks[unit] = progress.add_task(unit, total=None, rate=0)
            task = progress.tasks[tasks[unit]]
            rate = int(rows / task.elapsed) if task.elapsed else 0
            progress.update(tasks[unit], completed=rows, rate=rate)

        yield tell
