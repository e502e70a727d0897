"""Plays an archive of answers back, as if each were fetched when it was recorded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from services.fetcher.answer import Answer, UnreadableAnswer
from services.fetcher.archive.folder import Archive, Entry
from services.fetcher.publish import Publisher
from services.fetcher.registry import SourceRegistry
from services.fetcher.runs.report import FetchReport
from services.fetcher.runs.run import Progress, Run
from services.fetcher.source import Source


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
