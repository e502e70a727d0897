"""Live changes: the topic itself, held back to what the store has."""

from services.api.live.live import Live
from services.api.live.place import Place, read_place

__all__ = ["Live", "Place", "read_place"]
