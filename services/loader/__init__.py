"""Writes the topics' records into the database, exactly once."""
