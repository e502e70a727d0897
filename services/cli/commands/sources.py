"""List or describe the sources."""

from typing import Annotated

import typer

from services.cli.options import AsJson


def sources(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One source.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the sources that fetchers read, or describe one with its documentation.

    \b
    Examples
      econstream sources
      econstream sources fred
    """
    from services.cli.session import begin
    from services.cli.sources import catalogue

    begin("sources")
    if name is None:
        catalogue.list_sources(as_json=as_json)
    else:
        catalogue.describe_source(name, as_json=as_json)
