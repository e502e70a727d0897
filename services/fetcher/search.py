"""Searching an upstream for what could be watched: what a source may offer besides fetching."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from services.fetcher.answer import Answer, Request
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: rows, best first, and of how many they are a part."""

    rows: Sequence[Sequence[Any]]
    total: int


class Search(Protocol):
    """How one upstream is searched.

    columns  what is told of each thing found; the first is the name it is watched by
    most     how many rows one answer can hold
    """

    columns: ClassVar[tuple[str, ...]]
    most: ClassVar[int]

    def request(self, text: str, limit: int, settings: Settings) -> Request:
        """Return the question for a text; raises ConfigError where a setting is missing."""

    def read(self, answer: Answer) -> Found:
        """Return what an answer says. Pure; raises as `Source.parse` does."""
