"""What Faust's consumer commits: what was handled, and nothing that was dropped on its way."""

from collections.abc import Iterable, Iterator
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ack_lock

from services.processor.stream.ledger import Ledger


class CommittingConsumer(driver.Consumer):
    """Commits the offsets before which all was handled.

    Faust acknowledges what it drops while partitions are shared out anew, and takes what is
    missing for offsets that the topic never had. Here only `handled` counts.
    """

    logger = driver.logger

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ledger: Ledger[TP] = Ledger()

    def handled(self, messages: Iterable[Any]) -> None:
        """Note that messages were handled: what follows from them is acknowledged."""
        generation = self.app.consumer_generation_id
        for message in messages:
            if message.generation_id == generation:
                self.ledger.handled(message.tp, message.offset)

    def ack(self, message: Any) -> bool:
        """Note that a message is in no one's hands any more, handled or not."""
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            waiting = self._waiting_for_ack
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        for tp in list(self.ledger):
            known = topics is None or tp in topics or tp.topic in topics
            if known and self.app.topics.acks_enabled_for(tp.topic):
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        return self.ledger.next(tp)

    def _should_commit(self, tp: TP, offset: int) -> bool:
        return offset != self._committed_offset[tp]
