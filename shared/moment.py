"""When a message's value became known: its as_of header, else the message's own timestamp."""

import datetime as dt
from collections.abc import Iterator, Sequence

from shared.errors import InvalidRecord
from shared.record import Message, decode_time

MAX_AHEAD = dt.timedelta(hours=48)
"""An as_of further ahead of the clock is refused: one from 2099 would pin its key for ever."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_Known = dt.datetime | InvalidRecord


def known_at(messages: Sequence[Message], now: dt.datetime) -> Iterator[_Known]:
    """Yield each message's as_of in UTC, or the InvalidRecord that says why it has none."""
    seen: dict[bytes, _Known] = {}
    latest = now + MAX_AHEAD
    for message in messages:
        header = next((value for name, value in message.headers if name == "as_of"), None)
        if header is None:
            moment: _Known = _from_timestamp(message.timestamp_ms)
        else:
            moment = seen.get(header) or seen.setdefault(header, _from_header(header))
        if isinstance(moment, dt.datetime) and moment > latest:
            yield InvalidRecord("as_of_ahead", "as_of is over 48 hours ahead of now", "as_of")
        else:
            yield moment


def end_of_day(day: dt.date) -> dt.datetime:
    """Return the last microsecond of a day in UTC: the as_of that a date alone stands for."""
    return dt.datetime.combine(day, dt.time.max, dt.UTC)


def _from_timestamp(timestamp_ms: int) -> _Known:
    try:
        return _EPOCH + dt.timedelta(milliseconds=max(timestamp_ms, 0))
    except OverflowError:
        return InvalidRecord("as_of_ahead", "the message's timestamp is out of range", "as_of")


def _from_header(header: bytes) -> _Known:
    try:
        return decode_time(header.decode("ascii"))
    except (ValueError, OverflowError):
        return InvalidRecord("wrong_as_of", "the as_of header is not RFC 3339 with a zone", "as_of")
