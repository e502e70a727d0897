"""What waits for a reader is bounded, and made once for all who stand at the same place."""

from services.api.live.changes import Change
from services.api.live.place import Stand
from services.api.live.tail import MOST_WAITING, Handed, Inbox
from services.api.live.walk import Step


def handed(size: int, count: int = 1) -> Handed:
    changes = tuple(Change(1, offset, b"x" * size) for offset in range(count))
    return Handed(Step(0, (1, 0), (1, count), changes))


async def test_a_reader_that_takes_nothing_is_let_go() -> None:
    inbox = Inbox()
    ended = []
    for _ in range(2):
        inbox.put(handed(MOST_WAITING // 2))
        ended.append(inbox.ended)
    assert ended == [False, True]
    assert await inbox.get(5.0) is None


async def test_a_single_step_of_any_size_is_taken() -> None:
    inbox = Inbox()
    inbox.put(handed(2 * MOST_WAITING))
    assert not inbox.ended
    assert await inbox.get(5.0) is not None
    assert await inbox.get(0.01) is None


def test_events_are_made_once_for_equal_places() -> None:
    step = handed(10, count=3)
    first = step.events("t", {0: Stand(1, 0), 1: Stand(1, 7)})
    assert step.events("t", {1: Stand(1, 7), 0: Stand(1, 0)}) is first
    assert first.count(b"event: version") == 3
    assert step.events("t", {0: Stand(1, 0), 1: Stand(1, 8)}) != first
