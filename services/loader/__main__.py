"""The loader as a program: `python -m services.loader` does what `econstream load` does."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from services.loader.app import load_topics
from services.loader.summary import in_lines, what_it_did
from shared.control import join_broker
from shared.lifecycle import guard, run
from shared.observability import configure_logging
from shared.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loader as the arguments say and return the exit status. Blocks."""
    parser = argparse.ArgumentParser(prog="python -m services.loader", description=__doc__)
    parser.add_argument(
        "--until-caught-up", action="store_true", help="end once every partition was at its end"
    )
    given = parser.parse_args(arguments)

    def started() -> int:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, "loader", settings.secrets)

        async def service(stop: asyncio.Event) -> None:
            ends = given.until_caught_up
            done = await load_topics(
                join_broker(settings), stop, until_caught_up=ends,
                on_progress=in_lines() if ends else lambda _: None,
            )  # fmt: skip
            if ends:
                sys.stdout.write(what_it_did(done) + "\n")

        return run(service)

    return guard(started)


if __name__ == "__main__":
    sys.exit(main())
