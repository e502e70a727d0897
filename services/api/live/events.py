"""Server-sent events of the steps that a reader takes, each with the id to come back by."""

from services.api.live.place import Place, write_token
from services.api.live.walk import Step

RETRY_MS = 2_000
"""How long a client waits before it connects again."""


def opening(topic: str, place: Place) -> bytes:
    """Return the first bytes: how soon to come back, and where the reader stands."""
    return b"retry: %d\n" % RETRY_MS + standing(topic, place)


def standing(topic: str, place: Place) -> bytes:
    """Return an id without an event: clients note it and tell nobody."""
    return f"id: {write_token(topic, place)}\n\n".encode()


def events_of(topic: str, step: Step, place: Place) -> bytes:
    """Return the events of a step for a reader who stood at a place before it."""
    stand = place.get(step.partition)
    if step.restarts:
        return _restart(topic, step, place)
    if stand is None:
        return b""
    parts = []
    for change in step.changes:
        if stand.wants(change.epoch, change.offset):
            token = write_token(topic, {**place, step.partition: stand.at(change.offset + 1)})
            parts += [b"id: ", token.encode(), b"\nevent: version\ndata: ", change.line, b"\n\n"]
    return b"".join(parts)


def _restart(topic: str, step: Step, place: Place) -> bytes:
    token = write_token(topic, step.taken(place))
    data = f'{{"partition":{step.partition},"epoch":{step.after[0]},"offset":{step.after[1]}}}'
    return f"id: {token}\nevent: restart\ndata: {data}\n\n".encode()
