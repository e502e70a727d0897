"""Which dead letters a command means, as its options say."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import typer

from services.cli.sources.catalogue import find_dataset
from shared.moment import end_of_day
from shared.record import decode_time

_DAY = len("2024-10-30")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant; None and no numbers mean any."""

    ids: tuple[int, ...] = ()
    dataset: str | None = None
    error: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    resolved: bool = False

    @classmethod
    def read(
        cls,
        dataset: str | None,
        error: str | None,
        since: str | None,
        until: str | None,
        *,
        resolved: bool = False,
    ) -> Self:
        """Return the filter that options mean; wrong usage where one cannot be read."""
        name = find_dataset(dataset).name if dataset else None
        begin = _read_moment("--since", since, last=False) if since else None
        end = _read_moment("--until", until, last=True) if until else None
        return cls((), name, error, begin, end, resolved)

    @classmethod
    def choose(cls, ids: Sequence[int] | None, chosen: "Filter", *, every: bool) -> "Filter":
        """Return the filter of a command that changes something, which wants to be told what."""
        if not ids and chosen == cls() and not every:
            raise typer.BadParameter("name letters, a filter such as --dataset, or --all")
        return replace(chosen, ids=tuple(ids or ()))

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL, with its parameters."""
        given = {
            "id IN (SELECT unnest(${}::bigint[]))": list(self.ids) or None,
            "dataset = ${}": self.dataset,
            "error_code = ${}": self.error,
            "created_at >= ${}": self.since,
            "created_at <= ${}": self.until,
        }
        used = {text: value for text, value in given.items() if value is not None}
        conditions = [text.format(place) for place, text in enumerate(used, 1)]
        if not self.resolved:
            conditions.append("resolved_at IS NULL")
        return " AND ".join(conditions) or "true", list(used.values())


def _read_moment(option: str, text: str, *, last: bool) -> dt.datetime:
    """Return the moment meant; of a day its first, or its `last`."""
    try:
        if len(text) == _DAY:
            day = dt.date.fromisoformat(text)
            return end_of_day(day) if last else decode_time(f"{day}T00:00:00Z")
        return decode_time(text)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"{option} {text!r} is neither a day (2026-01-31) nor a moment with its zone "
            "(2026-01-31T12:30:00Z)"
        ) from exc
