"""Whether the target holds what the source has: counts, keys and values, part by part."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from shared.database.transfer.compare import same_rows, spans_of
from shared.database.transfer.parts import IS_REVISION, Key, Row, Span, Unit
from shared.database.transfer.rules import rows_in
from shared.database.transfer.source import Side

SHOWN_KEYS = 20
TOGETHER = 2
"""Parts of one checksum: to plan its query takes DuckDB as long as a quarter of a part's rows."""
AT_ONCE = 2
"""Checksums that are computed at once: one waits for no other's round trips."""


@dataclass(slots=True)
class Verdict:
    """What was found of a unit.

    rows     rows of the source
    same     rows that the target has just so
    newer    rows of which the target knows better
    missing  keys of which the target holds a row not, or with other values, SHOWN_KEYS at most
    faults   how many rows that are
    own      rows of the target that the source has not
    """

    unit: str
    rows: int = 0
    same: int = 0
    newer: int = 0
    faults: int = 0
    own: int = 0
    missing: list[Key] = field(default_factory=list)


@dataclass(slots=True)
class Known:
    """What is known of a unit before: how many rows are the same, and which parts are left."""

    same: int = 0
    left: list[Sequence[Span]] = field(default_factory=list)


async def verify(
    source: Side, target: Side, unit: Unit, rows: int, tell: Callable[[Verdict], None],
    known: Known | None = None,
) -> Verdict:  # fmt: skip
    """Compare a unit: checksums of several parts, of each where these differ, and then rows."""
    verdict = Verdict(unit.name)
    if not source.has(unit):
        return verdict
    if known is None:
        parts = await spans_of(source, unit, rows, None)
        known = Known(left=[parts[n : n + TOGETHER] for n in range(0, len(parts), TOGETHER)])
    verdict.rows = verdict.same = known.same
    tell(verdict)
    async with aclosing(_checked(source, target, unit, known.left)) as checked:
        async for group, same in checked:
            if same is None:
                await _look_within(source, target, unit, group, verdict)
            else:
                verdict.rows += same
                verdict.same += same
            tell(verdict)
    return verdict


async def _look_within(
    source: Side, target: Side, unit: Unit, group: Sequence[Span], verdict: Verdict
) -> None:
    for span in group:
        same = await same_rows(source, target, unit, span) if len(group) > 1 else None
        if same is None:
            ours, theirs = await _rows(source, unit, span), await _rows(target, unit, span)
            _compare(unit, ours, theirs, verdict)
        else:
            verdict.rows += same
            verdict.same += same


async def _checked(
    source: Side, target: Side, unit: Unit, groups: Sequence[Sequence[Span]]
) -> AsyncGenerator[tuple[Sequence[Span], int | None], None]:
    """Yield each group with `same_rows` of its parts; the next ones are computed meanwhile."""
    ahead: deque[tuple[Sequence[Span], asyncio.Task[int | None]]] = deque()
    try:
        for group in groups:
            whole = Span(group[0].after, group[-1].upto)
            ahead.append((group, asyncio.create_task(same_rows(source, target, unit, whole))))
            if len(ahead) == AT_ONCE:
                first, checking = ahead.popleft()
                yield first, await checking
        for first, checking in ahead:
            yield first, await checking
    finally:
        for _, checking in ahead:
            checking.cancel()
        await asyncio.gather(*(checking for _, checking in ahead), return_exceptions=True)


async def _rows(side: Side, unit: Unit, span: Span) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    if side.has(unit):
        sql, values = side.cut.rows(unit, span)
        async for batch in side.database.stream(sql, values, whole=True):
            for row in rows_in(batch):
                found.setdefault(unit.key_of(row), []).append(row)
    return found


def _compare(
    unit: Unit, ours: dict[Key, list[Row]], theirs: dict[Key, list[Row]], verdict: Verdict
) -> None:
    told = [column.name for column in unit.told if column.name not in ("created_at", "updated_at")]
    for key, rows in ours.items():
        stored = theirs.get(key, [])
        plain = {_values(row, told) for row in stored}
        for row in rows:
            verdict.rows += 1
            if _values(row, told) in plain:
                verdict.same += 1
            elif _is_held(unit, row, stored):
                verdict.newer += 1
            else:
                verdict.faults += 1
                if len(verdict.missing) < SHOWN_KEYS and key not in verdict.missing:
                    verdict.missing.append(key)
    for key, rows in theirs.items():
        known = {_values(row, told) for row in ours.get(key, [])}
        verdict.own += sum(_values(row, told) not in known for row in rows)


def _values(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    values = (row[name] for name in (*names, IS_REVISION))
    return tuple(tuple(v) if isinstance(v, list) else repr(v) for v in values)


def _is_held(unit: Unit, row: Row, stored: Sequence[Row]) -> bool:
    """Return whether the target knew the same at the row's moments, whatever else it knows.

    Fields without versions may be newer in a run that was seen again later.
    """
    if unit.dataset is None or not unit.dataset.versioned:
        return any(unit.rank(other) > unit.rank(row) for other in stored)
    columns = unit.dataset.columns
    for moment in (row["as_of"], row["confirmed_as_of"]):
        if isinstance(moment, str):
            return False
        known = [other for other in stored if other["as_of"] <= moment]
        if not known:
            return False
        then = max(known, key=lambda other: other["as_of"])
        later = then["confirmed_as_of"] > row["confirmed_as_of"]
        asked = [c.name for c in columns if c.versioned or not later]
        if then["confirmed_as_of"] < moment or any(then[n] != row[n] for n in asked):
            return False
    return True
