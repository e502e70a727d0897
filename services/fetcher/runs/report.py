"""What runs of several sources did together, and the exit status that it makes."""

from collections import Counter
from dataclasses import dataclass, field

from services.fetcher.runs.run import RunSummary
from services.fetcher.source import SourceFaultError
from shared.errors import EX_FAILED, EX_OK, ConfigError


@dataclass(slots=True)
class FetchReport:
    """What runs of several sources did together.

    runs       one summary for each source that had something to do
    unclaimed  how many answers of an archive no source reads, by URL
    faults     what is wrong with the archive itself
    left_out   why sources that nobody named were not asked, by name
    """

    runs: list[RunSummary] = field(default_factory=list)
    unclaimed: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    left_out: dict[str, ConfigError] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """How many records were published."""
        return sum(run.records for run in self.runs)

    @property
    def exit_status(self) -> int:
        """0 where all that was asked for was had, else 1."""
        broken = any(isinstance(why, SourceFaultError) for why in self.left_out.values())
        failed = broken or self.faults or any(run.failed for run in self.runs)
        return EX_FAILED if failed else EX_OK
