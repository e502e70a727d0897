"""The processor as a program: `python -m services.processor`, the same as `econstream process`."""

import argparse
import sys
from collections.abc import Sequence

from services.processor.app import process_topics
from shared.control import join_broker
from shared.lifecycle import guard, run
from shared.observability import configure_logging
from shared.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until told to stop and return the exit status. Blocks."""
    argparse.ArgumentParser(prog="python -m services.processor", description=__doc__).parse_args(
        arguments
    )

    def started() -> int:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, "processor", settings.secrets)
        joined = join_broker(settings)
        return run(lambda stop: process_topics(joined, stop))

    return guard(started)


if __name__ == "__main__":
    sys.exit(main())
