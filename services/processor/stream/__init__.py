"""Streams of records and the state beside them: the only home of Faust."""

from services.processor.stream.worker import (
    BATCH_RECORDS,
    BATCH_SECONDS,
    CHANGELOG_SETTINGS,
    Stream,
    changelog,
)

__all__ = ["BATCH_RECORDS", "BATCH_SECONDS", "CHANGELOG_SETTINGS", "Stream", "changelog"]
