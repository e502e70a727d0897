"""The API as a program: `python -m services.api` does what `econstream api` does."""

import argparse
import sys
from collections.abc import Sequence

from services.api.app import run_api
from shared.lifecycle import guard, run
from shared.observability import configure_logging
from shared.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the API as the settings say and return the exit status. Blocks."""
    argparse.ArgumentParser(prog="python -m services.api", description=__doc__).parse_args(
        arguments
    )

    def started() -> int:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, "api", settings.secrets)
        return run(lambda stop: run_api(settings, stop))

    return guard(started)


if __name__ == "__main__":
    sys.exit(main())
