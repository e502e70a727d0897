"""Fetch public sources and publish their records."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="Sources by name; without any, all of them."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Fetch once and end.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Backfill from this day on."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Play this archive of answers back and end.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --once or --replay: publish nothing.")
    ] = False,
) -> None:
    """Fetch public sources and publish their records, on their schedules or once.

    At the end of --once and --replay stands a table of what each source gave; the exit status
    is 1 where something that was asked for could not be had. Live answers are kept in
    FETCH_ARCHIVE_DIR where that is set, in the form that --replay reads.

    --since asks for everything from a day on, whatever was had before: with --once and no more,
    else before the schedules begin. One that broke off goes on where it was when it is given
    again within a week.

    \b
    Examples
      econstream fetch
      econstream fetch fred --once --since 2024-01-01
      econstream fetch --once --replay samples
    """
    from services.cli.sources.fetching import run_fetch
    from services.fetcher.app import FetchOrder

    finite = once or replay is not None
    if dry_run and not finite:
        raise typer.BadParameter("--dry-run needs --once or --replay")
    if since and replay:
        raise typer.BadParameter("--since asks upstreams, and --replay does not: give one of them")
    day = since.date() if since else None
    run_fetch(FetchOrder(tuple(names or ()), once, day, replay, dry_run))
