"""How far a worker is: what it has handled of each partition."""

from collections.abc import Mapping

from shared.kafka import TopicPartition
from shared.messages import Messages


class Handled:
    """The first offset of each partition that is not handled yet, of those that were read."""

    def __init__(self) -> None:
        self._next: dict[TopicPartition, int] = {}
        self.records = 0
        """How many there were, those counted twice that were handled twice."""

    def note(self, messages: Messages) -> None:
        """Note that a batch was handled whole: what follows from it is published."""
        self.records += len(messages)
        for partition, offset in messages.places():
            place = TopicPartition(messages.topic, partition)
            self._next[place] = max(self._next.get(place, 0), offset + 1)

    def lag(self, ends: Mapping[TopicPartition, int]) -> int:
        """Return how many offsets up to these ends are not handled yet."""
        return sum(max(end - self._next.get(place, 0), 0) for place, end in ends.items())
