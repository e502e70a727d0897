"""Takes rows in: judges them, publishes those that hold, and says what became of each."""

from asyncio import to_thread
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.api.ingest.broker import Broker, needing_broker
from services.api.ingest.judge import Lot, Verdict, judge_slices
from services.api.ingest.repeats import Attempt
from services.api.ingest.values import split_rows
from services.api.problems import Problem
from shared.kafka import Published
from shared.metrics import INGEST_ROWS, instrument

MAX_REASONS = 1_000
"""Refused rows that an answer tells one by one."""

GIVE_UP_ROWS = 50_000
"""So many refused rows, and none that held: the rest is not judged."""

_NOT_ACKNOWLEDGED = (
    "the broker has not acknowledged the rows, though some may be on the topic; sent again with "
    "the same Idempotency-Key, or the same as_of, they are stored once"
)


@dataclass(slots=True)
class Outcome:
    """What became of a body's rows; `offsets` are the last on each partition."""

    topic: str
    accepted: int = 0
    refused: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count a slice whose records are acknowledged."""
        self.accepted += len(verdict.records)
        self.refused += len(verdict.rejected)
        self.rejected += verdict.rejected[: MAX_REASONS - len(self.rejected)]

    def published(self, published: Published) -> None:
        """Note how far the topic holds them."""
        for place, offset in published.last_offsets.items():
            self.offsets[place.partition] = max(offset, self.offsets.get(place.partition, -1))

    def document(self) -> dict[str, Any]:
        """Return what the answer says."""
        told: dict[str, Any] = {"accepted": self.accepted, "rejected": self.rejected}
        if self.refused > len(self.rejected):
            told["rejected_count"] = self.refused
        offsets = {str(partition): offset for partition, offset in sorted(self.offsets.items())}
        return told | {"topic": self.topic, "offsets": offsets}


async def take_in(
    broker: Broker, lot: Lot, body: bytes, content_type: str, attempt: Attempt | None
) -> Outcome:
    """Publish the rows of a body that their law accepts; returns when all are acknowledged.

    Where `attempt` was done before, nothing is published again and the answer is as it was.
    Raises Problem: 422 where no row holds, 413 and 415 as `split_rows`, 503 where the broker
    is away.
    """
    outcome = Outcome(lot.dataset.topic(lot.prefix))
    done = None if attempt is None else attempt.offsets
    slices = await to_thread(_slices, lot, body, content_type)
    while (verdict := await to_thread(next, slices, None)) is not None:
        if verdict.records and done is None:
            await _publish(broker, verdict, outcome, attempt)
        outcome.add(verdict)
        if not outcome.accepted and outcome.refused >= GIVE_UP_ROWS:
            break
    if not outcome.accepted:
        raise _nothing(outcome)
    if done is not None:
        outcome.offsets = done
    elif attempt is not None:
        with needing_broker(_NOT_ACKNOWLEDGED, acknowledged=outcome.accepted):
            await attempt.done(outcome.offsets)
    count = instrument(INGEST_ROWS)
    count.labels(lot.dataset.name, "accepted").inc(0 if done is not None else outcome.accepted)
    count.labels(lot.dataset.name, "rejected").inc(outcome.refused)
    return outcome


def _slices(lot: Lot, body: bytes, content_type: str) -> Iterator[Verdict]:
    return judge_slices(lot, split_rows(body, content_type))


async def _publish(
    broker: Broker, verdict: Verdict, outcome: Outcome, attempt: Attempt | None
) -> None:
    with needing_broker(_NOT_ACKNOWLEDGED, acknowledged=outcome.accepted):
        if attempt is not None:
            await attempt.claim()
        outcome.published(await broker.publish(verdict.records))


def _nothing(outcome: Outcome) -> Problem:
    detail = (
        f"none of {outcome.refused} rows holds, and more were not judged; `rejected` says why"
        if outcome.refused >= GIVE_UP_ROWS
        else f"none of the {outcome.refused} rows holds; `rejected` says why"
        if outcome.refused
        else "the body holds no rows: send a JSON object, an array of them, or one a line"
    )
    return Problem(422, "no-row-accepted", detail, **outcome.document())
