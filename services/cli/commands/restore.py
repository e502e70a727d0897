"""Bring back what `backup` wrote, into either database."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import AsJson


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that `backup` wrote.")],
    tables: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these tables, comma separated; by default all."),
    ] = None,
    rejects: Annotated[
        Path, typer.Option(metavar="FILE", help="Where rows that the database refuses are told of.")
    ] = Path("restore_rejects.ndjson"),
    as_json: AsJson = False,
) -> None:
    """Store every row of a backup that the database lacks, and verify it.

    Rows that are there stay, unless the backup knows something newer. Broken off, it goes on
    when it is run again. Loaders read on from the offsets of the backup; readers of the live
    stream begin a new epoch. Every file is held against its digest first.

    \b
    Examples
      econstream restore backups/2026-11-27
      econstream restore bars --tables yfinance_ohlcv
    """
    from services.cli.database.backing_up import run_restore

    names = [name for given in tables or [] for name in given.split(",") if name]
    run_restore(folder, names, rejects, as_json=as_json)
