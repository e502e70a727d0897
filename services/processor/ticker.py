"""What is kept of a ticker: its last bars, and what all bars before them leave behind."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from services.processor.bars import BAR, VALUES, Bars, checksum, merged, no_bars, same_values
from services.processor.smoothing import Smoothed, Smoothing, smooth

WINDOW = 260
"""So many bars at least may be corrected and what follows from them computed at once."""

CONTEXT = 330
"""So many bars before these are kept for figures over many days."""

_KEPT = CONTEXT + WINDOW
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Late:
    """News of bars older than the window: the ticker waits to be computed anew.

    since   the first day that may change, as days since 1970
    stored  what the store must hold before, {partition: next offset}
    """

    since: int
    stored: Mapping[int, int]


@dataclass(frozen=True)
class Ticker:
    """One ticker's state, made from its bars alone.

    bars     the newest ones
    edge     what the bars before the window leave behind
    tip      what all bars leave behind
    digest   a checksum of the bars before the window
    late     set while bars older than the window are to be taken in
    seen     which records it was told of, {partition: next offset}
    """

    bars: Bars = field(default_factory=no_bars)
    edge: Smoothing = field(default_factory=Smoothing)
    tip: Smoothing = field(default_factory=Smoothing)
    digest: int = 0
    late: Late | None = None
    seen: Mapping[int, int] = field(default_factory=dict)

    @property
    def window(self) -> int:
        """The position among `bars` where the window begins."""
        return self.edge.bars - (self.tip.bars - len(self.bars))

    @property
    def oldest(self) -> int | None:
        """The first day that may be corrected at once, None where any may."""
        return int(self.bars["date"][self.window]) if self.edge.bars else None


class Change(NamedTuple):
    """Bars whose figures are new: those of `bars` from `first` on; and their figures."""

    bars: Bars
    first: int
    smoothed: Smoothed


def take_in(ticker: Ticker, news: Bars) -> tuple[Ticker, Change | None]:
    """Return a ticker with bars taken in that lie inside its window or after it, no date twice.

    Equal in the end, bit for bit, to a ticker made at once of all bars it ever had.
    """
    if not len(news):
        return ticker, None
    if not len(ticker.bars) or news["date"][0] > ticker.bars["date"][-1]:
        begin, bars = len(ticker.bars), np.concatenate([ticker.bars, news])
        tip, smoothed = smooth(ticker.tip, bars[begin:])
        return _settled(ticker, tip, bars), Change(bars, begin, smoothed)
    bars = merged(ticker.bars, news)
    tip, smoothed = smooth(ticker.edge, bars[ticker.window :])
    first = int(np.searchsorted(bars["date"], news["date"].min()))
    change = Change(bars, first, smoothed.tail(first - ticker.window))
    return _settled(ticker, tip, bars), change


def rebuilt(bars: Bars) -> tuple[Ticker, Change]:
    """Return a ticker made of all its bars at once, and the figures of all."""
    tip, smoothed = smooth(Smoothing(), bars)
    return _settled(Ticker(), tip, bars), Change(bars, 0, smoothed)


def _settled(ticker: Ticker, tip: Smoothing, bars: Bars) -> Ticker:
    """Return the ticker with its window moved on where more bars than are kept have come."""
    surplus = len(bars) - _KEPT
    if surplus <= 0:
        return replace(ticker, bars=bars, tip=tip)
    leaving = bars[ticker.window : len(bars) - WINDOW]
    edge, _ = smooth(ticker.edge, leaving)
    digest = checksum(leaving, ticker.digest)
    return replace(ticker, bars=bars[surplus:].copy(), edge=edge, tip=tip, digest=digest)


def news_in(ticker: Ticker, records: Bars) -> list[Bars]:
    """Return what records in order of arrival tell, in pieces to be taken in one after another.

    Left out are records that repeat what is known, or that something newer has overtaken. A
    piece is bars that follow on the newest, or corrections that became known at one moment:
    so each state of knowledge has its figures, however the records are cut into batches.
    """
    if len(records) and _follows(ticker, records):
        return [records]
    known = {int(bar["date"]): bar for bar in ticker.bars}
    newest = int(ticker.bars["date"][-1]) if len(ticker.bars) else None
    pieces: list[dict[int, np.void]] = []
    last_kind: int | None = None
    for bar in records:
        day, before = int(bar["date"]), known.get(int(bar["date"]))
        if before is not None and (before["as_of"] > bar["as_of"] or same_values(before, bar)):
            continue
        follows = newest is None or day > newest
        kind = None if follows else int(bar["as_of"])
        if not pieces or kind != last_kind:
            pieces.append({})
        known[day] = pieces[-1][day] = bar
        last_kind = kind
        newest = day if newest is None else max(newest, day)
    return [_in_order(piece) for piece in pieces]


def _follows(ticker: Ticker, records: Bars) -> bool:
    days = records["date"]
    after = not len(ticker.bars) or days[0] > ticker.bars["date"][-1]
    return bool(after and (days[1:] > days[:-1]).all())


def _in_order(piece: dict[int, np.void]) -> Bars:
    return np.array([piece[day] for day in sorted(piece)], BAR)


def first_news(ticker: Ticker, bars: Bars, since: int) -> int:
    """Return the position of the first of all its bars that tells a ticker anything.

    `bars` are those of the store, where none before the day `since` is another than it was. A
    bar that says what it said, only later, tells nothing; len(bars) where none tells anything.
    """
    begin = ticker.edge.bars
    if checksum(bars[:begin]) != ticker.digest:
        return int(np.searchsorted(bars["date"], since))
    known, now = ticker.bars[ticker.window :], bars[begin:]
    count = min(len(known), len(now))
    other = np.zeros(count, bool)
    for name in ("date", *VALUES):
        other |= known[name][:count] != now[name][:count]
    return begin + int(np.append(np.flatnonzero(other), count)[0])


def pack(ticker: Ticker) -> bytes:
    """Return a ticker as bytes."""
    late = ticker.late
    head = json.dumps(
        {
            "edge": ticker.edge,
            "tip": ticker.tip,
            "digest": ticker.digest,
            "late": late and [late.since, list(late.stored.items())],
            "seen": list(ticker.seen.items()),
        }
    ).encode()
    return _LENGTH.pack(len(head)) + head + ticker.bars.tobytes()


def unpack(packed: bytes) -> Ticker:
    """Return the ticker that `pack` made bytes of."""
    begin = _LENGTH.size + _LENGTH.unpack_from(packed)[0]
    head = json.loads(packed[_LENGTH.size : begin])
    late = head["late"] and Late(head["late"][0], dict(head["late"][1]))
    bars = np.frombuffer(packed, BAR, offset=begin)
    edge, tip = Smoothing(*head["edge"]), Smoothing(*head["tip"])
    return Ticker(bars, edge, tip, head["digest"], late or None, dict(head.get("seen", ())))
