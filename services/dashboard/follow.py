"""Follows a dataset's event stream, so that a page knows when what it shows has changed."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

from services.dashboard.client import Api
from shared.errors import EconstreamError, Transient

_AGAIN_SECONDS = 1.0
_REFUSED_SECONDS = 15.0
_OPEN_WITHIN_SECONDS = 3.0


class Link(StrEnum):
    """How a follower stands to the API."""

    LIVE = "live"
    OPENING = "opening"
    AWAY = "away"
    REFUSED = "refused"


class Follower:
    """Counts the new versions of each entity of a dataset, in a thread of its own.

    It holds a number for each entity and nothing of the rows, comes back by the last id after
    a break, and never raises: `link` says how it stands. The thread ends with the process.
    """

    def __init__(self, api: Api, dataset: str, entity: str) -> None:
        self._api = api
        self._dataset = dataset
        self._entity = entity
        self._counts: Counter[str] = Counter()
        self._restarts = 0
        self._last_id = ""
        self._lock = threading.Lock()
        self.link = Link.OPENING
        self._pause = threading.Event()
        self._answered = threading.Event()
        threading.Thread(target=self._run, name=f"follow-{dataset}", daemon=True).start()

    def changes(self, entities: Iterable[str] | None = None) -> int:
        """Return a number that rises with each new version of these entities, or of any."""
        with self._lock:
            if entities is None:
                return self._restarts + self._counts.total()
            return self._restarts + sum(self._counts[name] for name in entities)

    def await_answer(self) -> None:
        """Wait until the API has answered or is found away; blocks three seconds at most.

        What is read from then on is not read again for the stream having opened behind it.
        """
        self._answered.wait(_OPEN_WITHIN_SECONDS)

    def _run(self) -> None:
        while True:
            wait = _AGAIN_SECONDS
            try:
                with self._api.stream(self._dataset, self._last_id) as lines:
                    self._opened()
                    for kind, data in self._events(lines):
                        self._count(kind, data)
            except Transient:
                self.link = Link.AWAY
            except EconstreamError:
                # Such as 410: what came after the id is gone, so everything is looked at anew.
                self.link, self._last_id, wait = Link.REFUSED, "", _REFUSED_SECONDS
            self._answered.set()
            self._pause.wait(wait)

    def _opened(self) -> None:
        with self._lock:
            # Without an id something may have been missed: what is shown is read again.
            self._restarts += not self._last_id
            self.link = Link.LIVE
        self._answered.set()

    def _events(self, lines: Iterator[str]) -> Iterator[tuple[str, str]]:
        kind, data = "", ""
        for line in lines:
            name, _, value = line.partition(":")
            match name:
                case "id":
                    self._last_id = value.strip()
                case "event":
                    kind = value.strip()
                case "data":
                    data = value.strip()
                case "":
                    if kind:
                        yield kind, data
                    kind, data = "", ""

    def _count(self, kind: str, data: str) -> None:
        with self._lock:
            if kind == "version":
                self._counts[str(json.loads(data).get(self._entity))] += 1
            else:
                self._restarts += 1
