"""Tells what runs did, in plain lines for a pipe."""

from collections.abc import Iterator

from services.fetcher.runs.report import FetchReport
from services.fetcher.runs.run import RunSummary

_HEADER = ("source", "status", "answers", "records", "skipped", "errors", "warnings", "seconds")


def summary_rows(report: FetchReport) -> list[tuple[str, ...]]:
    """Return the summary table: a header, then a row for each source."""
    return [_HEADER, *(_row(run) for run in report.runs)]


def notes(report: FetchReport) -> Iterator[str]:
    """Yield what the table has no room for: each fault, error, warning and reason to skip."""
    for fault in report.faults:
        yield f"archive: {fault}"
    for name, why in report.left_out.items():
        yield f"{name}: left out: {why}"
    for run in report.runs:
        for failure in run.failures:
            yield f"{run.source}: failed: {failure}"
        for error in run.upstream_errors:
            yield f"{run.source}: upstream error: {error}"
        for name in run.unknown:
            yield f"{run.source}: unknown: {name}"
        for warning, count in run.warnings.items():
            yield f"{run.source}: warning: {warning} ({count} answers)"
        for reason, count in run.skipped.items():
            yield f"{run.source}: {count} skipped: {reason}"
    for url, count in report.unclaimed.items():
        yield f"no source reads {url} ({count} answers)"


def summary_lines(report: FetchReport) -> Iterator[str]:
    """Yield the summary table in aligned columns, then the notes."""
    rows = summary_rows(report)
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield from notes(report)


def _row(run: RunSummary) -> tuple[str, ...]:
    errors = len(run.failures) + len(run.upstream_errors) + len(run.unknown)
    counts = (run.answers, run.records, run.skipped.total(), errors, run.warnings.total())
    return (run.source, run.status, *(f"{count:,}" for count in counts), f"{run.seconds:.1f}")
