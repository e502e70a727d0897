"""When each source is due, and what happens when its upstream is dead."""
