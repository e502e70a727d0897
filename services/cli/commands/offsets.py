"""Show and reset the stored offsets."""

from typing import Annotated

import typer

from services.cli.options import AsJson

group = typer.Typer(no_args_is_help=True)


@group.command()
def show(
    dataset: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="One dataset, by name or alias.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is stored of each partition, and the true lag.

    Beside it stands what the broker holds. The lag is the broker's end less what is stored, not
    what was read. The state says whether a partition is caught up, behind, or waits until
    something is mended.

    \b
    Examples
      econstream offsets show
      econstream offsets show fred_data --json
    """
    from services.cli.records.offsets import run_show

    run_show(dataset, as_json=as_json)


@group.command()
def reset(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="By name or alias.")],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="TARGET", help="earliest, latest, an offset, or a moment or day (UTC)."
        ),
    ],
    partition: Annotated[
        int | None, typer.Option("--partition", min=0, help="One partition; none: all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the loaders go on elsewhere in a dataset's topic.

    Running loaders need not be stopped: they store nothing more from where they were, and go on
    from there within a second. Each partition begins another epoch. What is stored stays;
    records that are read again change nothing, and what lies before the target is passed over. A
    moment means the first record stamped at or after it.

    \b
    Examples
      econstream offsets reset fred_data --to earliest --dry-run
      econstream offsets reset fred_data --to 12000 --partition 3
      econstream offsets reset fred_data --to 2026-01-01T00:00:00Z
    """
    from services.cli.records.offsets import run_reset

    run_reset(dataset, to, partition, dry_run=dry_run, as_json=as_json)
