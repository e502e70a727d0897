"""Show and edit the list of what is fetched."""

from typing import Annotated

import typer

from services.cli.options import AsJson

group = typer.Typer(no_args_is_help=True)

SourceName = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A source; `econstream sources` lists them.")
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Series, tickers or indices, as it calls them."),
]
ListName = Annotated[
    str | None,
    typer.Option("--list", metavar="LIST", help="Another list of the source than its main one."),
]


@group.command()
def add(source: SourceName, names: Names, listed: ListName = None) -> None:
    """Watch more of a source; running fetchers pick it up.

    `econstream search fred TEXT` finds series. A name that is watched already is no fault.

    \b
    Examples
      econstream watch add fred UNRATE CPIAUCSL
      econstream watch add yahoo AAPL BRK-B
      econstream watch add fred --list vintages UNRATE
    """
    from services.cli.sources import watching

    watching.add(source, names, listed)


@group.command()
def remove(source: SourceName, names: Names, listed: ListName = None) -> None:
    """Watch less of a source; what is stored stays.

    Exit status 1 where a name was not watched.

    \b
    Example
      econstream watch remove fred UNRATE
    """
    from services.cli.sources import watching

    watching.remove(source, names, listed)


@group.command(name="list")
def list_names(
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help="One source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is watched.

    \b
    Example
      econstream watch list fred
    """
    from services.cli.sources import watching

    watching.list_watched(source, as_json=as_json)
