"""Move all rows from DuckDB to PostgreSQL, or back."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from services.cli.options import AsJson


def migrate(
    to: Annotated[
        Literal["postgresql", "duckdb"], typer.Option(help="Which database gets the rows.")
    ] = "postgresql",
    tables: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these tables, comma separated; by default all."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only what became known, or was seen again, from this moment or day (UTC) on.",
        ),
    ] = None,
    batch_rows: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Rows of a part, which is a transaction.")
    ] = 20_000,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is there, and change nothing.")
    ] = False,
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="Compare the two databases, and change nothing.")
    ] = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Move the rows, and compare nothing yet.")
    ] = False,
    rollback: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Undo what this run wrote, and nothing else."),
    ] = None,
    pickles: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Pickled DataFrames, read where the DuckDB file is absent or empty; by default "
            "those beside it.",
        ),
    ] = None,
    rejects: Annotated[
        Path, typer.Option(metavar="FILE", help="Where rows that the target refuses are told of.")
    ] = Path("migration_rejects.ndjson"),
    as_json: AsJson = False,
) -> None:
    """Copy every table, with all versions, from DUCKDB_PATH into DATABASE_URL, and verify it.

    DATABASE_BACKEND is of no account. Rows that the target has are left as they are, unless the
    source knows something newer: run again, it changes nothing. Broken off, even by kill -9, it
    goes on where it stopped when it is run again. Counts, keys and checksums of both databases
    are compared, of most parts while the next are moved; a difference names table and keys, and
    the exit status is 1.
    docs/POSTGRES_MIGRATION.md leads through it.

    \b
    Examples
      econstream migrate --dry-run
      econstream migrate
      econstream migrate --tables fred_data,yfinance_ohlcv --since 2026-01-01
      econstream migrate --verify-only
      econstream migrate --rollback 20261127T162500-3f2a9c
      econstream migrate --to duckdb
    """
    from services.cli.database.migrating import Wanted, run_migrate

    if verify_only and no_verify:
        raise typer.BadParameter("--verify-only and --no-verify leave nothing to do: choose one")
    names = [name for given in tables or [] for name in given.split(",") if name]
    run_migrate(
        Wanted(to, names, since, batch_rows, pickles, rejects),
        dry_run=dry_run, move=not verify_only, verify=not no_verify, rollback=rollback,
        as_json=as_json,
    )  # fmt: skip
