"""Reads public sources, live or from an archive, and publishes what they say."""
