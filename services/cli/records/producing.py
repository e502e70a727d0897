"""The command `produce`: its input, its progress bar and what it says at the end."""

import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn

import typer

from services.cli.output import say
from services.cli.records.intake import Form, sniff
from services.cli.records.publishing import Order, Progress, publish_file
from services.cli.session import begin, wait_for
from services.cli.sources.catalogue import find_dataset
from shared.control import join_broker
from shared.errors import EX_FAILED, EX_OK, InvalidRecord
from shared.moment import end_of_day
from shared.observability import report
from shared.record import decode_time
from shared.settings import Settings

_FURTHEST_AHEAD = dt.timedelta(hours=48)


def run_produce(
    dataset: str, file: Path | None, form: Form | None, as_of: str | None, source: str,
    *, skip_invalid: bool, dry_run: bool,
) -> NoReturn:  # fmt: skip
    """Publish a file and exit: 0 when all its rows are published, 1 where one was refused."""
    found = find_dataset(dataset)
    known_since = read_as_of(as_of, dt.datetime.now(dt.UTC)) if as_of else None
    settings = begin("produce")
    if not dry_run:
        settings = join_broker(settings)
    with _opened(file) as rows:
        order = Order(found, rows, form or sniff(rows), known_since, source, skip_invalid, dry_run)
        wait_for(lambda: _publish(settings, order))


def read_as_of(text: str, now: dt.datetime) -> dt.datetime:
    """Return the moment that `--as-of` names; wrong usage where it is none, or far ahead.

    A day alone is its last microsecond in UTC, and never later than now.
    """
    try:
        if len(text) == len("2024-10-30"):
            day = dt.date.fromisoformat(text)
            return min(end_of_day(day), now)
        moment = decode_time(text)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"--as-of {text!r} is neither a day (2024-10-30) nor a moment with its zone "
            "(2024-10-30T12:30:00Z)"
        ) from exc
    if moment > now + _FURTHEST_AHEAD:
        raise typer.BadParameter(f"--as-of {text} lies more than 48 hours ahead")
    return moment


async def _publish(settings: Settings, order: Order) -> int:
    def tell(line: int, reason: InvalidRecord) -> None:
        field = f"{reason.field}: " if reason.field else ""
        report(f"line {line}: {field}{reason}", failed=True)

    with _progress_bar(order) as progress:
        outcome = await publish_file(settings, order, tell, progress)
    done = (
        "valid"
        if order.dry_run
        else f"published on {order.dataset.topic(settings.kafka_topic_prefix)}"
    )
    rows = "row" if outcome.accepted == 1 else "rows"
    say(f"{outcome.accepted} {rows} {done}, {outcome.refused} refused")
    if outcome.refused and not (outcome.accepted or order.skip_invalid or order.dry_run):
        report(
            "nothing was published: mend these rows, or pass --skip-invalid for the others",
            failed=True,
        )
    return EX_FAILED if outcome.refused else EX_OK


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """Lend the input as a file that can be read twice."""
    if file is not None and str(file) != "-":
        try:
            with file.open("rb") as source:
                yield source
        except OSError as exc:
            raise typer.BadParameter(f"{file} cannot be read ({exc.strerror})") from exc
        return
    if sys.stdin.isatty():
        report("reading rows from the terminal; end them with Ctrl-D")
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        yield copy


@contextmanager
def _progress_bar(order: Order) -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    order.source.seek(0, 2)
    total = order.source.tell()
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking" if order.dry_run else order.dataset.name, total=total)
        yield lambda done: bar.update(task, completed=done)
