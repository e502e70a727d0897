"""Search a source's upstream for what could be watched."""

from typing import Annotated

import typer

from services.cli.options import AsJson


def search(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A source that can be searched, such as fred.")
    ],
    words: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to look for.")],
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="Rows at most.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Search a source's upstream for what could be watched; the best fit comes first.

    Searching FRED needs FRED_API_KEY.

    \b
    Examples
      econstream search fred unemployment rate
      econstream search fred "euro area inflation" --limit 5 --json
    """
    from services.cli.sources.searching import run_search

    run_search(source, " ".join(words), limit, as_json=as_json)
