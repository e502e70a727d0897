"""What a loader did, in a line: how far it is while it runs, and all of it at the end."""

import sys
import time
from collections.abc import Callable

from services.loader.progress import Progress

LINE_EVERY_SECONDS = 2.0


def how_far(progress: Progress) -> str:
    """Return how far a loader is, fit for a line of its own."""
    left = "" if progress.lag is None else f", {progress.lag:,} to go"
    letters = f", {progress.dead_letters:,} dead letters" if progress.dead_letters else ""
    paused = f", {len(progress.halts)} partitions paused" if progress.halts else ""
    return (
        f"{progress.records:,} records, {progress.rows_per_second:,.0f} a second"
        f"{left}{letters}{paused}"
    )


def what_it_did(progress: Progress) -> str:
    """Return what became of all the records that a loader read."""
    return (
        f"{progress.records} records: {progress.inserted} new, {progress.updated} changed, "
        f"{progress.confirmed} confirmed, {progress.unchanged} known, "
        f"{progress.dead_letters} dead letters"
    )


def in_lines(every: float = LINE_EVERY_SECONDS) -> Callable[[Progress], None]:
    """Return what tells standard error how far a loader is, now and then, where it moved."""
    told_at, told = time.monotonic(), ""

    def tell(progress: Progress) -> None:
        nonlocal told_at, told
        state = f"{progress.records} {progress.lag} {progress.dead_letters}"
        if state != told and time.monotonic() - told_at >= every:
            told_at, told = time.monotonic(), state
            sys.stderr.write(how_far(progress) + "\n")
            sys.stderr.flush()

    return tell
