"""Run SQL that reads, on either database."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement that reads.")],
    form: Annotated[
        Literal["table", "csv", "json", "parquet"] | None,
        typer.Option("--format", "-f", help="By default a table on a terminal, CSV into a pipe."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file, in one step."),
    ] = None,
) -> None:
    """Print the rows of an SQL query on whichever database is configured.

    Nothing can be written. While `econstream up` holds the DuckDB file, the query is answered
    by it. Each dataset is a table of its name; <table>_versions has every version, and
    <table>_as_of(moment) the rows as they were known then.

    \b
    Examples
      econstream query "SELECT * FROM fred_data LIMIT 10"
      econstream query "SELECT max(date) FROM cboe_vix_history WHERE symbol = 'VIX'"
      econstream query "SELECT * FROM yfinance_ohlcv" --format parquet -o bars.parquet
    """
    from services.cli.database.ask import ask
    from services.cli.session import begin, on_terminal, wait_for

    chosen = "json" if as_json else form or ("table" if on_terminal() and not output else "csv")
    if chosen == "parquet" and output is None and on_terminal():
        raise typer.BadParameter("Parquet is not for a terminal: name a file with --output")
    settings = begin("query")
    wait_for(lambda: ask(settings, sql, chosen, output))
