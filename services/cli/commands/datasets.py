"""List or describe the datasets."""

from typing import Annotated

import typer

from services.cli.options import AsJson


def datasets(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One dataset, by name or alias.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the datasets, or describe one with its fields, key and documentation.

    \b
    Examples
      econstream datasets
      econstream datasets fred_data
      econstream datasets --json
    """
    from services.cli.session import begin
    from services.cli.sources import catalogue

    settings = begin("datasets")
    if name is None:
        catalogue.list_datasets(as_json=as_json)
    else:
        catalogue.describe_dataset(name, settings.kafka_topic_prefix, as_json=as_json)
