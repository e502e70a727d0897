"""One run of one source: answers in, records out, and an account of both."""

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol
from uuid import uuid4

import pyarrow as pa
import structlog

from services.fetcher.answer import (
    Answer,
    Parsed,
    RefusedError,
    UnknownNameError,
    UnreadableAnswer,
    UpstreamError,
)
from services.fetcher.publish import Publisher, digest, publish_rows
from services.fetcher.source import Source
from shared.datasets.data_refresh_log import DATASET as DATA_REFRESH_LOG
from shared.errors import InvalidRecord
from shared.observability import get_logger
from shared.record import Rows
from shared.tracing import begin_span, span, traceparent

Status = Literal["success", "partial", "unchanged", "failed"]
Progress = Callable[["RunSummary"], None]

_LONGEST_MESSAGE = 2_000
_log = get_logger(__name__)


@dataclass(slots=True)
class RunSummary:
    """What a run of a source did.

    planned          how many answers there will be, as far as is known
    unchanged        answers that said what was published before, and so were not again
    cut_short        the upstream was left alone before all was asked
    due              when the source is due again after what it had; None: by its clock
    rest_until       when the upstream wants to be asked again; None: it did not say
    refused          the upstream refuses whoever asks, so that nothing more was asked
    unknown          what was asked for and does not exist, in words; asking again brings nothing
    upstream_errors  what upstreams answered instead of data, each with its URL
    failures         what went wrong on the way, each with its URL; these fail the run
    from_archive     the answers are recorded: an upstream's error is then no failure
    """

    source: str
    data_type: str
    run_id: str
    started: dt.datetime
    from_archive: bool = False
    planned: int = 0
    answers: int = 0
    unchanged: int = 0
    records: int = 0
    by_dataset: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    unknown: list[str] = field(default_factory=list)
    upstream_errors: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    due: dt.datetime | None = None
    rest_until: dt.datetime | None = None
    cut_short: bool = False
    refused: bool = False
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether something was asked for and not had."""
        refused = (self.upstream_errors or self.unknown) and not self.from_archive
        return bool(self.failures or refused)

    @property
    def complete(self) -> bool:
        """Whether everything was had that there is to be had."""
        return not (self.failures or self.upstream_errors)

    @property
    def status(self) -> Status:
        """The run in one word, as it stands on data_refresh_log."""
        if self.failed:
            return "partial" if self.records or self.unchanged else "failed"
        return "success" if self.records else "unchanged"

    @property
    def message(self) -> str | None:
        """Why it failed or what was left out; None where there is nothing to say."""
        said = [*self.failures, *self.upstream_errors, *self.unknown, *self.warnings]
        said += [f"{count} skipped: {reason}" for reason, count in self.skipped.items()]
        return "; ".join(said)[:_LONGEST_MESSAGE] or None


class Known(Protocol):
    """What was said before by whatever upstream, so that a repetition need not be published."""

    def news(self, answer: Answer, rows: Rows) -> Rows:
        """Return what of the rows of an answer is to be published."""

    async def keep(self) -> None:
        """Remember what `news` returned last; called when all of that is acknowledged."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An answer that was read and, where it said something new, published.

    digest  of what it said; None where it only said that nothing has changed
    """

    parsed: Parsed
    digest: str | None


class Run:
    """One run of one source; its answers are taken one after the other."""

    def __init__(
        self,
        source: Source,
        publisher: Publisher,
        prefix: str,
        *,
        planned: int = 0,
        from_archive: bool = False,
        progress: Progress | None = None,
        known: Known | None = None,
    ) -> None:
        started = dt.datetime.now(dt.UTC)
        run_id = f"{source.name}-{started:%Y%m%dT%H%M%SZ}-{uuid4().hex[:12]}"
        data_type = source.datasets[0].name
        self.source = source
        self.summary = RunSummary(source.name, data_type, run_id, started, from_archive, planned)
        self._publisher = publisher
        self._prefix = prefix
        self._progress = progress
        self._known = known
        self._clock = time.monotonic()
        self._span = begin_span(f"fetch {source.name}", run_id=run_id)

    @contextmanager
    def within(self) -> Iterator[None]:
        """Make the block a part of the run: in the log, and where runs are traced, in its trace."""
        bound = structlog.contextvars.bound_contextvars(run_id=self.summary.run_id)
        with bound, self._span.within():
            yield

    async def take(self, answer: Answer, before: str | None = None) -> Taken | None:
        """Parse an answer and publish what it says; returns when all is acknowledged.

        Publishes nothing where `before`, the digest of an earlier answer, is that of this one.
        A fault in the answer is written down in the summary, nothing of it is published, and
        None is returned. Raises what the publisher raises, such as Transient where the broker
        is away.
        """
        self.summary.answers += 1
        try:
            with self.within():
                return await self._taken(answer, before)
        finally:
            self.tell()

    async def _taken(self, answer: Answer, before: str | None) -> Taken | None:
        parsed = await self._parse(answer)
        if parsed is None:
            return None
        self.summary.skipped.update(parsed.skipped)
        self.summary.warnings.update(parsed.warnings)
        said = await asyncio.to_thread(digest, parsed.rows)
        if answer.status == 304 or said == before:
            self.summary.unchanged += 1
            return Taken(parsed, before if answer.status == 304 else said)
        known = self._known
        found = [known.news(answer, rows) for rows in parsed.rows] if known else parsed.rows
        try:
            for rows in found:
                await self._publish(replace(rows, run_id=self.summary.run_id))
        except InvalidRecord as exc:
            self.fail(answer.url, str(exc))
            return None
        if known:
            await known.keep()
            self.summary.unchanged += not any(rows.table.num_rows for rows in found)
        return Taken(parsed, said)

    def fail(self, url: str, reason: str) -> None:
        """Write down that an answer could not be had or read, and why."""
        self.summary.failures.append(f"{url}: {reason}" if url not in reason else reason)
        _log.warning("answer_failed", source=self.source.name, url=url, reason=reason)

    def refuse(self, url: str, reason: str) -> None:
        """Write down that the upstream answered with an error."""
        self.summary.upstream_errors.append(f"{url}: {reason}" if url not in reason else reason)
        _log.warning("upstream_error", source=self.source.name, url=url, reason=reason)

    def miss(self, reason: str) -> None:
        """Write down that what was asked for does not exist, once however often it was asked."""
        if reason not in self.summary.unknown:
            self.summary.unknown.append(reason)
            _log.warning("unknown_name", source=self.source.name, reason=reason)

    def tell(self) -> None:
        """Hand the state of the run to whoever shows its progress."""
        self.summary.seconds = time.monotonic() - self._clock
        if self._progress is not None:
            self._progress(self.summary)

    async def finish(self) -> RunSummary:
        """Put the run on data_refresh_log and return its summary; nothing is taken after it."""
        self.tell()
        with self.within():
            await self._log_run()
        self._span.note(status=self.summary.status, records=self.summary.records)
        self._span.end()
        return self.summary

    async def _log_run(self) -> None:
        summary = self.summary
        row = {
            "run_id": summary.run_id,
            "data_type": summary.data_type,
            "refresh_time": summary.started,
            "status": summary.status,
            "records_updated": summary.records,
            "error_message": summary.message,
            "duration_seconds": summary.seconds,
        }
        table = pa.Table.from_pylist([row], schema=DATA_REFRESH_LOG.arrow_schema)
        log_row = Rows(DATA_REFRESH_LOG, table, source=summary.source, run_id=summary.run_id)
        await publish_rows(self._publisher, log_row, self._prefix)
        _log.info(
            "run_finished",
            source=summary.source,
            status=summary.status,
            records=summary.records,
            seconds=round(summary.seconds, 3),
        )

    async def _parse(self, answer: Answer) -> Parsed | None:
        try:
            if answer.status == 304:
                return Parsed()
            return await asyncio.to_thread(self.source.parse, answer)
        except UnknownNameError as exc:
            self.miss(str(exc))
        except UpstreamError as exc:
            self.summary.refused |= isinstance(exc, RefusedError)
            self.refuse(answer.url, str(exc))
        except UnreadableAnswer as exc:
            self.fail(answer.url, str(exc))
        except Exception as exc:  # noqa: BLE001  # a source is foreign code: its fault stays here
            self.fail(answer.url, f"a fault in the source {self.source.name}: {exc!r}")
        return None

    async def _publish(self, rows: Rows) -> None:
        topic = rows.dataset.topic(self._prefix)
        count = rows.table.num_rows
        with span(
            f"publish {topic}",
            kind="producer",
            messaging__system="kafka",
            messaging__destination__name=topic,
            messaging__batch__message_count=count,
        ):
            rows = replace(rows, traceparent=traceparent())
            await publish_rows(self._publisher, rows, self._prefix)
        self.summary.records += count
        self.summary.by_dataset[rows.dataset.name] += count
