"""Plays an archive of answers back, as if each were fetched when it was recorded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.archive import Archive, Entry
from services.fetcher.publish import Publisher
from services.fetcher.registry import SourceRegistry
from services.fetcher.run import Progress, Run, RunSummary
from services.fetcher.source import Source, SourceFaultError
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


async def replay(
    folder: Path,
    registry: SourceRegistry,
    selected: Sequence[Source],
    publisher: Publisher,
    prefix: str,
    progress: Progress | None = None,
) -> FetchReport:
    """Parse and publish the answers of an archive in order of `fetched_at`.

    Takes those of the selected sources; answers that no source reads are counted. One answer
    is held at a time. Raises ConfigError where the folder is no archive, and what the
    publisher raises. Cancelling stops between two pieces; the runs are then not logged.
    """
    archive = Archive(folder)
    entries, faults = await asyncio.to_thread(archive.entries)
    report = FetchReport(faults=faults)
    claims = [(entry, registry.for_url(entry.url)) for entry in entries]
    report.unclaimed.update(entry.url for entry, source in claims if source is None)
    planned = Counter(source.name for _, source in claims if source is not None)
    runs = {
        source.name: Run(
            source,
            publisher,
            prefix,
            planned=planned[source.name],
            from_archive=True,
            progress=progress,
        )
        for source in selected
        if planned[source.name]
    }
    for entry, source in claims:
        if source is not None and source.name in runs:
            await _play(archive, entry, runs[source.name])
    for run in runs.values():
        report.runs.append(await run.finish())
    return report


async def _play(archive: Archive, entry: Entry, run: Run) -> None:
    try:
        answer: Answer = await asyncio.to_thread(archive.read, entry)
    except UnreadableAnswer as exc:
        run.fail(entry.url, str(exc))
    else:
        await run.take(answer)
