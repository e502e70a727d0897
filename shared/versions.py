"""The rule of versions: how a record joins the runs that are stored of its key."""

import datetime as dt
import enum
from bisect import bisect_right
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One value of a key, known since `as_of` and seen unchanged until `confirmed_as_of`.

    values   the versioned fields, which make the run what it is
    latest   the fields without versions, as the newest record of the run gave them
    origin   source and message that began the run, and when it was stored
    """

    as_of: dt.datetime
    confirmed_as_of: dt.datetime
    values: tuple[Any, ...]
    latest: tuple[Any, ...] = ()
    origin: tuple[Any, ...] = ()


class Outcome(enum.Enum):
    """What a record did: nothing, a run seen again, or a value that was not known then."""

    UNCHANGED = "unchanged"
    CONFIRMED = "confirmed"
    UPDATED = "updated"


_as_of = attrgetter("as_of")


def absorb(runs: list[Run], record: Run, *, wins_tie: bool = True) -> Outcome:
    """Let a record (a run of one moment) join the runs of its key, in place.

    `runs` are disjoint and in order of time, and stay so. Among different values at one
    as_of the record replaces what is stored, unless `wins_tie` is false (a replayed dead
    letter). A run that the record falls strictly into is split around it, and its
    confirmations in between are lost.
    """
    moment = record.as_of
    place = bisect_right(runs, moment, key=_as_of)
    if place and runs[place - 1].confirmed_as_of >= moment:
        inside = runs[place - 1]
        at_edge = moment in (inside.as_of, inside.confirmed_as_of)
        if inside.values == record.values:
            newest = moment == inside.confirmed_as_of and wins_tie
            if not newest or inside.latest == record.latest:
                return Outcome.UNCHANGED
            runs[place - 1] = replace(inside, latest=record.latest)
            return Outcome.CONFIRMED
        if at_edge and not wins_tie:
            return Outcome.UNCHANGED
        place = _cut(runs, place - 1, moment)
        _join(runs, place, record)
        return Outcome.UPDATED
    return _join(runs, place, record)


def _cut(runs: list[Run], index: int, moment: dt.datetime) -> int:
    """Take a moment out of the run at `index`; return where a run of that moment belongs."""
    run = runs[index]
    pieces = []
    if run.as_of < moment:
        pieces.append(replace(run, confirmed_as_of=run.as_of))
    place = index + len(pieces)
    if moment < run.confirmed_as_of:
        pieces.append(replace(run, as_of=run.confirmed_as_of))
    runs[index : index + 1] = pieces
    return place


def _join(runs: list[Run], place: int, record: Run) -> Outcome:
    """Put a record between runs: a neighbour of the same value widens to take it in."""
    before = _same(runs, place - 1, record)
    after = _same(runs, place, record)
    if before and after:
        joined = replace(before, confirmed_as_of=after.confirmed_as_of, latest=after.latest)
        runs[place - 1 : place + 1] = [joined]
    elif before:
        runs[place - 1] = replace(before, confirmed_as_of=record.as_of, latest=record.latest)
    elif after:
        runs[place] = replace(after, as_of=record.as_of)
    else:
        runs.insert(place, record)
        return Outcome.UPDATED
    return Outcome.CONFIRMED


def _same(runs: list[Run], index: int, record: Run) -> Run | None:
    """Return the run at `index` if there is one and it has the record's value."""
    there = 0 <= index < len(runs) and runs[index].values == record.values
    return runs[index] if there else None
