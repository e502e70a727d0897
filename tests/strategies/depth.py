"""How many examples a property is tried on: a quick number, or with TEST_LONG=1 many more."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("TEST_LONG", "") not in ("", "0")


def examples(quick: int, long: int | None = None) -> settings:
    """Return settings for so many examples; 25 times as many in the long tier unless told."""
    return settings(
        max_examples=(long or 25 * quick) if LONG else quick,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
