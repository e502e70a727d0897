"""Follows the watchlist's file while a fetcher runs, so that a change needs no restart."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from services.fetcher.watchlist.file import Watchlist, read_watchlist
from shared.errors import ConfigError
from shared.lifecycle import pause
from shared.observability import get_logger

_LOOK_EVERY_SECONDS = 2.0
SHIPPED = "watchlist_that_ships"
"""The event that says: there is no watchlist of one's own."""
_log = get_logger(__name__)


class WatchedFile:
    """The watchlist as it stands; `current` is always the last one that could be read."""

    def __init__(self, path: Path) -> None:
        """Read the file, or the one that ships. Raises ConfigError where it is malformed."""
        self._path = path
        self._stamp = _stamp(path)
        if self._stamp is None:
            _log.info(SHIPPED, path=str(path.absolute()), make_one="econstream watch add")
        self.current = read_watchlist(path)

    async def follow(
        self, stop: asyncio.Event, tell: Callable[[Watchlist, Watchlist], None]
    ) -> None:
        """Look at the file every two seconds until `stop` is set, and tell of each change.

        `tell` is given the watchlist before and after. A file that cannot be read is warned
        about once and changes nothing.
        """
        while not await pause(stop, _LOOK_EVERY_SECONDS):
            stamp = await asyncio.to_thread(_stamp, self._path)
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            if stamp is None:
                _log.warning("watchlist_gone", path=str(self._path), meanwhile="the last one")
                continue
            try:
                after = await asyncio.to_thread(read_watchlist, self._path)
            except ConfigError as exc:
                _log.warning("watchlist_not_taken_over", reason=str(exc))
                continue
            before, self.current = self.current, after
            tell(before, after)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
