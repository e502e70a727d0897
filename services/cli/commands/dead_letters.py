"""See the dead letters, try them again or discard them."""

from typing import Annotated

import typer

from services.cli.options import AsJson

group = typer.Typer(no_args_is_help=True)

DatasetName = Annotated[
    str | None, typer.Option("--dataset", metavar="DATASET", help="Of one dataset.")
]
Code = Annotated[
    str | None, typer.Option("--error", metavar="CODE", help="With this error code only.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Kept from this moment or day on.")
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Kept up to this moment or day.")
]
Ids = Annotated[list[int] | None, typer.Argument(metavar="ID", help="Letters, by number.")]
Every = Annotated[bool, typer.Option("--all", help="Every open letter.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which letters are meant.")]


@group.command(name="list")
def list_letters(
    dataset: DatasetName = None,
    error: Code = None,
    since: Since = None,
    until: Until = None,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Also those replayed or discarded.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first.

    \b
    Examples
      econstream dead-letters list
      econstream dead-letters list --dataset fred_data --error left_out --since 2026-01-01
    """
    from services.cli.records.dead_letters import run_list
    from services.cli.records.letter_filter import Filter

    chosen = Filter.read(dataset, error, since, until, resolved=resolved)
    run_list(chosen, limit, as_json=as_json)


@group.command()
def show(
    letter: Annotated[int, typer.Argument(metavar="ID", help="The letter's number.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Print the message's bytes and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter whole.

    Where it came from, why it was refused, and what it says.

    \b
    Examples
      econstream dead-letters show 17
      econstream dead-letters show 17 --raw > message.json
    """
    from services.cli.records.dead_letters import run_show

    run_show(letter, raw=raw, as_json=as_json)


@group.command()
def replay(
    ids: Ids = None,
    dataset: DatasetName = None,
    error: Code = None,
    since: Since = None,
    until: Until = None,
    every: Every = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish open dead letters again, as they were.

    They keep the as_of that they had. A loader that stores one resolves its letter; one that is
    refused again stays, with one more attempt. What became known since is never overwritten.

    \b
    Examples
      econstream dead-letters replay 17
      econstream dead-letters replay --dataset fred_data --error left_out --dry-run
    """
    from services.cli.records.dead_letters import run_replay
    from services.cli.records.letter_filter import Filter

    chosen = Filter.choose(ids, Filter.read(dataset, error, since, until), every=every)
    run_replay(chosen, yes=yes, dry_run=dry_run, as_json=as_json)


@group.command()
def discard(
    ids: Ids = None,
    dataset: DatasetName = None,
    error: Code = None,
    since: Since = None,
    until: Until = None,
    every: Every = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Resolve open dead letters without trying them again.

    They stay in the database, and count no longer towards LOADER_DEAD_LETTER_LIMIT, so that a
    partition that was paused by them goes on.

    \b
    Examples
      econstream dead-letters discard 17 18
      econstream dead-letters discard --dataset fred_data --until 2026-01-31 --yes
    """
    from services.cli.records.dead_letters import run_discard
    from services.cli.records.letter_filter import Filter

    chosen = Filter.choose(ids, Filter.read(dataset, error, since, until), every=every)
    run_discard(chosen, yes=yes, dry_run=dry_run, as_json=as_json)
