"""Show the whole pipeline on recorded data, offline."""

from typing import Annotated

import typer


def demo(
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the answers instead of serving the API.")
    ] = False,
) -> None:
    """Stream recorded answers through broker, fetchers and loader into DuckDB, and show it.

    Needs no network, no key and nothing installed. Writes DATA_DIR/demo.duckdb anew each time,
    prints what came in and some answers worth seeing, then serves the API until Ctrl-C.

    \b
    Examples
      econstream demo
      econstream demo --exit
    """
    from services.cli.pipeline.demo import run_demo
    from services.cli.session import begin, run

    settings = begin("demo", least="ERROR")
    run(lambda stop: run_demo(settings, stop, exit_after=exit_after))
