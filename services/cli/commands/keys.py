"""Make, list and revoke the keys of the API."""

from typing import Annotated

import typer

from services.cli.options import AsJson
from shared.keys import Scope

group = typer.Typer(no_args_is_help=True)


@group.command()
def create(
    scope: Annotated[
        list[Scope],
        typer.Option("--scope", metavar="SCOPE", help="read, ingest or admin; may be repeated."),
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Whose it is; the source of rows it posts."),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", metavar="DATASET", help="Good for this one; may be repeated."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="SPAN", help="After 12h, 90d, 4w; or when.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once.

    What is stored is a digest of it. A key may do what its scopes say and no more: `ingest` posts
    rows and reads none, `admin` is for dead letters. It works at once, also beside a running
    `econstream up`, and travels as `Authorization: Bearer KEY`.

    \b
    Examples
      econstream keys create --scope read
      econstream keys create --scope ingest --dataset fred_data --name desk-7 --expires 90d
    """
    from services.cli.access.keys import run_create

    run_create(scope, name, dataset or [], expires, as_json=as_json)


@group.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, and when each was last used.

    \b
    Examples
      econstream keys list
      econstream keys list --json
    """
    from services.cli.access.keys import run_list

    run_list(as_json=as_json)


@group.command()
def revoke(
    keys: Annotated[list[str], typer.Argument(metavar="ID", help="Keys, by their id.")],
    as_json: AsJson = False,
) -> None:
    """End keys, within 5 seconds wherever the API runs.

    \b
    Examples
      econstream keys revoke ek_0123456789ab
    """
    from services.cli.access.keys import run_revoke

    run_revoke(keys, as_json=as_json)
