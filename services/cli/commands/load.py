"""Load the topics into the database."""

from typing import Annotated

import typer


def load(
    until_caught_up: Annotated[
        bool, typer.Option("--until-caught-up", help="End once every partition was at its end.")
    ] = False,
) -> None:
    """Load all topics into the database, exactly once, until told to stop.

    Several loaders share the partitions with PostgreSQL. While broker or database are away it
    waits. What breaks a dataset's rules becomes a dead letter, and its neighbours are stored.

    \b
    Examples
      econstream load
      econstream load --until-caught-up
    """
    from services.cli.pipeline.loading import run_load

    run_load(until_caught_up=until_caught_up)
