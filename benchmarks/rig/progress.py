"""Progress for whoever watches, kept apart from the results."""

import sys
import time

_BEGUN = time.monotonic()


def tell(line: str) -> None:
    """Print a line on standard error, with the seconds since the start."""
    print(f"{time.monotonic() - _BEGUN:7.1f} s  {line}", file=sys.stderr, flush=True)
