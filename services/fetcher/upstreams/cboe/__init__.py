"""Cboe's option chains as a whole."""
