"""One file a source; the registry finds them by their `SOURCE`."""
