"""Finding the `up` that runs on this machine, and asking it for what it alone holds."""

from shared.control.claim import Claim, Running, claim, find_running
from shared.control.door import Door
from shared.control.join import join_broker

__all__ = ["Claim", "Door", "Running", "claim", "find_running", "join_broker"]
