"""Finding the `up` that runs on this machine, and asking it for what it alone holds."""

from shared.control.claim import Claim, Running, claim, find_running
from shared.control.door import Door

__all__ = ["Claim", "Door", "Running", "claim", "find_running"]
