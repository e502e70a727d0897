"""The command `republish`: what is wanted, its progress bar and what it says at the end."""

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer

from services.cli.output import listing
from services.cli.records.refilling import Outcome, Progress, refill
from services.cli.session import begin, wait_for
from services.cli.sources.catalogue import find_dataset
from shared.control import join_broker
from shared.database.history import History
from shared.dataset import Dataset
from shared.errors import EX_FAILED, EX_OK, InvalidRecord
from shared.observability import report
from shared.record import decode_time
from shared.registry import discover
from shared.settings import Settings


def run_republish(
    names: Sequence[str], since: str | None,
    *, every: bool, current_only: bool, dry_run: bool, as_json: bool,
) -> NoReturn:  # fmt: skip
    """Republish and exit: 0, or 1 where a stored row could not be published."""
    if every is bool(names):
        raise typer.BadParameter("name the datasets, or pass --all and name none")
    datasets = list(discover()) if every else [find_dataset(name) for name in names]
    moment = read_since(since) if since else None
    chosen = {d.name: History(d, current_only, moment) for d in datasets}
    settings = begin("republish")
    if not dry_run:
        settings = join_broker(settings)
    wanted = list(chosen.values())
    wait_for(lambda: _republish(settings, wanted, dry_run=dry_run, as_json=as_json))


def read_since(text: str) -> dt.datetime:
    """Return the moment that `--since` names, a day being its start in UTC; else wrong usage."""
    try:
        if len(text) == len("2024-10-30"):
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time.min, dt.UTC)
        return decode_time(text)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"--since {text!r} is neither a day (2024-10-30) nor a moment with its zone "
            "(2024-10-30T12:30:00Z)"
        ) from exc


async def _republish(
    settings: Settings, wanted: Sequence[History], *, dry_run: bool, as_json: bool
) -> int:
    def tell(dataset: Dataset, reason: InvalidRecord) -> None:
        report(
            f"{dataset.name}: a stored row cannot be published: {reason}; mend it by SQL",
            failed=True,
        )

    with _progress_bar() as progress:
        outcomes = await refill(settings, wanted, tell, progress, dry_run=dry_run)
    prefix = settings.kafka_topic_prefix
    rows = [(o.dataset.name, o.dataset.topic(prefix), o.found, o.published) for o in outcomes]
    listing(["dataset", "topic", "records", "published"], rows, as_json=as_json)
    return EX_FAILED if any(outcome.refused for outcome in outcomes) else EX_OK


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bars:
        tasks = {}

        def show(outcome: Outcome) -> None:
            name = outcome.dataset.name
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=outcome.found)
            bars.update(tasks[name], completed=outcome.published + outcome.refused)

        yield show
