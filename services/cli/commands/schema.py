"""Print, apply and check the generated contracts."""

from typing import Annotated, Literal

import typer

from services.cli.options import AsJson

group = typer.Typer(no_args_is_help=True)

DatasetName = Annotated[
    str | None, typer.Argument(metavar="DATASET", help="One dataset, by name or alias.")
]


@group.command()
def sql(
    dataset: DatasetName = None,
    backend: Annotated[
        Literal["postgresql", "duckdb"], typer.Option(help="For which database.")
    ] = "postgresql",
) -> None:
    """Print the SQL that makes an empty database ready.

    Tables with their comments, views, functions and triggers, as the datasets declare them.

    \b
    Examples
      econstream schema sql > sql/init/01_schema.sql
      econstream schema sql fred_data --backend duckdb
    """
    from services.cli.database import contracts

    contracts.print_sql(dataset, backend)


@group.command()
def json(dataset: DatasetName = None) -> None:
    """Print the JSON Schema of a dataset's messages.

    Without a dataset, an object of all by name.

    \b
    Example
      econstream schema json fred_data
    """
    from services.cli.database import contracts

    contracts.print_json(dataset)


@group.command()
def apply() -> None:
    """Create missing tables and topics, and add new columns.

    Nothing is ever dropped, narrowed or rewritten: where only that would do, it says so and
    changes nothing. Topics are made where a broker is known.

    \b
    Example
      econstream schema apply
    """
    from services.cli.database import contracts
    from services.cli.session import begin, wait_for

    settings = begin("schema")
    wait_for(lambda: contracts.apply(settings))


@group.command()
def check(as_json: AsJson = False) -> None:
    """Compare the live tables with the declarations.

    A line for each difference, and exit status 1 where there are any.

    \b
    Examples
      econstream schema check
      econstream schema check --json
    """
    from services.cli.database import contracts
    from services.cli.session import begin, wait_for

    settings = begin("schema")
    wait_for(lambda: contracts.check(settings, as_json=as_json))
