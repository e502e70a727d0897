"""What a loader has done and how far it is behind, for progress bars, readiness and summaries."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.loader.halts import Halts
from shared.database.base import Written
from shared.kafka import TopicPartition


@dataclass(slots=True)
class Progress:
    """Counts of one loader since it started.

    lag         records between the stored offsets and the ends of all partitions, None
                while it is not known
    away_since  monotonic time since when the database does not answer, None while it does
    standing    partitions whose stored position stands still with lag, since which monotonic time
    halts       partitions that are paused until somebody has mended what is wrong
    """

    records: int = 0
    dead_letters: int = 0
    inserted: int = 0
    updated: int = 0
    confirmed: int = 0
    unchanged: int = 0
    lag: int | None = None
    away_since: float | None = None
    standing: Mapping[TopicPartition, float] = field(default_factory=dict)
    halts: Halts = field(default_factory=Halts)
    started: float = field(default_factory=time.monotonic)
    by_dataset: Counter[str] = field(default_factory=Counter)

    def count(self, dataset: str, messages: int, written: Written) -> None:
        """Add what a batch of a dataset did."""
        self.records += messages
        self.by_dataset[dataset] += messages
        self.dead_letters += written.dead_letters
        self.inserted += written.inserted
        self.updated += written.updated
        self.confirmed += written.confirmed
        self.unchanged += written.unchanged

    def tell_away(self, away: bool) -> None:
        """Note whether the database answers."""
        if not away:
            self.away_since = None
        elif self.away_since is None:
            self.away_since = time.monotonic()

    @property
    def rows_per_second(self) -> float:
        """Records stored a second since the start."""
        return self.records / max(time.monotonic() - self.started, 1e-9)
