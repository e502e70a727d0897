"""Derives features, sentiment and predictions from the stream, as a stream."""
