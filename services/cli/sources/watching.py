"""The watchlist as the command line shows and edits it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from services.cli.output import listing, say
from services.cli.session import begin
from services.cli.sources.catalogue import find_source
from services.fetcher.registry import discover
from services.fetcher.watchlist.file import add_names, read_watchlist, remove_names
from shared.errors import EX_FAILED
from shared.observability import report


def add(name: str, names: list[str], listed: str | None) -> None:
    """Add names to a source's list; those that stand there already are said and no fault."""
    path = begin("watch").watchlist
    source, key = _place(path, name, listed)
    with _told_of_the_file(path):
        added = add_names(path, source, key, names)
    for each in dict.fromkeys(names):
        say(f"{source}: {each} {'added' if each in added else 'is watched already'}")


def remove(name: str, names: list[str], listed: str | None) -> None:
    """Remove names from a source's list; exit status 1 where one did not stand there."""
    path = begin("watch").watchlist
    source, key = _place(path, name, listed)
    with _told_of_the_file(path):
        gone = remove_names(path, source, key, names)
    for each in gone:
        say(f"{source}: {each} removed")
    missing = [each for each in dict.fromkeys(names) if each not in gone]
    if missing:
        report(f"{source} does not watch {', '.join(missing)}: nothing to remove")
        raise typer.Exit(EX_FAILED)


def list_watched(name: str | None, *, as_json: bool) -> None:
    """Print each watched name with its source and list."""
    path = begin("watch").watchlist
    watchlist = read_watchlist(path)
    if not path.exists():
        report(
            f"there is no {path.absolute()}: this is the list that ships. `econstream watch add` "
            "and `remove` make one, WATCHLIST names another"
        )
    sources = discover()
    chosen = list(sources) if name is None else [find_source(sources, name)]
    rows = [
        (source.name, key, each)
        for source in chosen
        for key in watchlist.sections.get(source.name, {})
        for each in watchlist.names(source.name, key)
    ]
    listing(["source", "list", "name"], rows, as_json=as_json)


@contextmanager
def _told_of_the_file(path: Path) -> Iterator[None]:
    """Say so where the block makes the watchlist."""
    was_there = path.exists()
    yield
    if not was_there and path.exists():
        report(f"{path.absolute()} is made, of the list that ships and what you say")


def _place(path: Path, name: str, listed: str | None) -> tuple[str, str]:
    """Return the section and the list meant; wrong usage where there is no such list."""
    source = find_source(discover(), name)
    section = read_watchlist(path).sections.get(source.name, {})
    lists = {source.watches, *(key for key, names in section.items() if names not in (True, False))}
    if listed is not None and listed not in lists:
        raise typer.BadParameter(
            f"{source.name} has no list {listed!r}: there are {', '.join(sorted(lists))}"
        )
    return source.name, listed or source.watches
