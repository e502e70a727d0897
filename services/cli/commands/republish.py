"""Fill topics again from the database."""

from typing import Annotated

import typer

from services.cli.options import AsJson


def republish(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="DATASET", help="Datasets, by name or alias."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every dataset.")] = False,
    current_only: Annotated[
        bool,
        typer.Option(
            "--current-only/--revisions",
            help="Leave out the earlier versions; by default all are published.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what became known, or was seen again, from this moment or day (UTC) on.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the records; needs no broker.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish again what the database knows of a dataset, for a topic that was lost or cut.

    All versions are published in the order in which they became known, each with its own as_of
    and source: loaded into an empty database they make the same tables and revisions, and into
    this one they change nothing. Let the loader catch up first. docs/RECOVERY.md says what else
    to do where topics, or the database, are lost.

    \b
    Examples
      econstream republish fred_data --dry-run
      econstream republish fred_data yfinance_ohlcv
      econstream republish --all --since 2026-01-01
    """
    from services.cli.records.republishing import run_republish

    run_republish(
        names or [], since,
        every=every, current_only=current_only, dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
