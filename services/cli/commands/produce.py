"""Publish the rows of a file, validated first."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def produce(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A dataset, by name or alias.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            readable=True,
            allow_dash=True,
            metavar="FILE",
            help="NDJSON or CSV; standard input where it is left out.",
        ),
    ] = None,
    form: Annotated[
        Literal["ndjson", "csv"] | None,
        typer.Option("--format", "-f", help="By default told from the first character."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the rows became known: a moment with its zone, or a day, of which the end "
            "in UTC counts. By default the time of publishing.",
        ),
    ] = None,
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Who says so, for the rows' column `source`.")
    ] = ("econstream-produce"),
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Publish the valid rows although some are not.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the rows; needs no broker.")
    ] = False,
) -> None:
    """Publish the rows of a file on a dataset's topic, validated first.

    CSV begins with a line of column names, in any order; a column with a default may be left
    out, an empty cell is null. NDJSON is a JSON object a line. Every row that breaks the
    dataset's rules is named with its line, and then nothing is published and the exit status
    is 1; with --skip-invalid the valid rows are published all the same.

    \b
    Examples
      econstream produce fred_data rows.csv
      econstream produce fred_data rows.csv --as-of 2024-10-30 --dry-run
      zcat rows.ndjson.gz | econstream produce yfinance_ohlcv --skip-invalid
    """
    from services.cli.records.producing import run_produce

    run_produce(dataset, file, form, as_of, source, skip_invalid=skip_invalid, dry_run=dry_run)
