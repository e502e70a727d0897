"""Write the whole database to a folder of Parquet files."""

from pathlib import Path
from typing import Annotated

import typer


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    tables: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these tables, comma separated; by default all."),
    ] = None,
) -> None:
    """Write every table, with all versions, dead letters and offsets, and verify what was written.

    Either database; the files are Parquet, which pandas and DuckDB read as they are. The folder
    appears only when it is complete.

    \b
    Examples
      econstream backup backups/2026-11-27
      econstream backup bars --tables yfinance_ohlcv
    """
    from services.cli.database.backing_up import run_backup

    run_backup(folder, [name for given in tables or [] for name in given.split(",") if name])
