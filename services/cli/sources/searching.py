"""The command `search`: asks a source's upstream what there is, and says how to watch it."""

from typing import NoReturn

import typer

from services.cli.output import listing
from services.cli.session import begin, wait_for
from services.cli.sources.catalogue import find_source
from services.fetcher.fetcher import Fetcher
from services.fetcher.registry import discover
from shared.observability import report
from shared.settings import Settings


def run_search(name: str, text: str, limit: int, *, as_json: bool) -> NoReturn:
    """Search and exit; wrong usage where the source is unknown or cannot be searched."""
    sources = discover()
    source = find_source(sources, name)
    if source.search is None:
        able = ", ".join(each.name for each in sources if each.search)
        raise typer.BadParameter(f"{source.name} cannot be searched: these can: {able}")
    columns = source.search.columns

    async def search(settings: Settings) -> None:
        found = await Fetcher(settings, None, registry=sources).search(source.name, text, limit)
        listing(columns, found.rows, as_json=as_json)
        if as_json:
            return
        if not found.rows:
            report(f"{source.name} knows nothing of {text!r}: try fewer or other words")
            return
        more = "" if found.total <= len(found.rows) else f" of {found.total:,}"
        report(
            f"{len(found.rows):,}{more} found; "
            f"add with: econstream watch add {source.name} {columns[0].upper()}"
        )

    settings = begin("search")
    wait_for(lambda: search(settings))
