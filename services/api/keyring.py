"""The usable keys, held in memory, so that no request waits for the database to know its own."""

import asyncio
import datetime as dt
import hmac
import time
from collections.abc import Callable

from shared.database.base import Database
from shared.database.keys import mark_used, usable_keys
from shared.errors import EconstreamError, Transient
from shared.keys import Key, Pepper, identity_of
from shared.observability import get_logger

FRESH_SECONDS = 2.0
"""How old what is held may be: with the time of asking, a revocation acts within 5 s."""

NEW_SECONDS = 0.25
"""How often the database is asked for a key that is not held: it may be a new one."""

ASK_SECONDS = 2.0
USED_SECONDS = 60.0
"""How often the use of one key is stored."""

_NOBODY = bytes(32)
_log = get_logger(__name__)


class KeyRing:
    """Knows keys by their text; asks the database four times a second at most.

    `pepper` is called once, when the first key is presented.
    """

    def __init__(
        self,
        database: Database,
        pepper: Callable[[], Pepper],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._make_pepper = pepper
        self._pepper: Pepper | None = None
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._asked_at = self._failed_at = float("-inf")
        self._asking = asyncio.Lock()
        self._noted: dict[str, float] = {}
        self._due: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def held(self, text: str) -> Key | None:
        """Return the key that a text is, as far as is known without asking."""
        digest = self._digest(text)
        key = self._keys.get(identity_of(text) or "")
        # Compared in any case, so that the time tells nothing of which ids there are.
        same = hmac.compare_digest(digest, _NOBODY if key is None else key.digest)
        if key is None or not same or key.state(dt.datetime.now(dt.UTC)) != "active":
            return None
        return key

    async def find(self, text: str, *, grace: float = 0.0) -> Key | None:
        """Return the usable key that a text is, or None.

        Raises Transient where the database cannot be asked, unless what is held is at most
        `grace` seconds too old for this. Waits ASK_SECONDS at most for it.
        """
        await self._renew(FRESH_SECONDS, grace)
        if self.held(text) is None and identity_of(text) is not None:
            await self._renew(NEW_SECONDS, grace)
        return self.held(text)

    def note(self, key: Key) -> None:
        """Have the use of a key stored, in the background, once a minute."""
        now = self._clock()
        if now - self._noted.get(key.id, float("-inf")) < USED_SECONDS:
            return
        self._noted[key.id] = now
        self._due.add(key.id)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_uses(), name="key-uses")

    async def close(self) -> None:
        """Wait, bounded, until the uses that were noted are stored."""
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=ASK_SECONDS)
            self._writing.cancel()

    def _digest(self, text: str) -> bytes:
        if self._pepper is None:
            self._pepper = self._make_pepper()
        return self._pepper.digest(text)

    async def _renew(self, age: float, grace: float) -> None:
        if self._clock() - self._asked_at <= age:
            return
        async with self._asking:
            if self._clock() - self._asked_at <= age:
                return
            try:
                await self._ask()
            except (Transient, TimeoutError) as exc:
                self._failed_at = self._clock()
                if self._clock() - self._asked_at > FRESH_SECONDS + grace:
                    raise Transient("the keys cannot be read: the database is away") from exc
                _log.warning("keys_not_renewed", reason=str(exc) or "no answer in time")

    async def _ask(self) -> None:
        """Read the keys; right after a failure nobody waits for another."""
        if self._clock() - self._failed_at < NEW_SECONDS:
            raise Transient("they could not be read a moment ago")
        began = self._clock()
        async with asyncio.timeout(ASK_SECONDS):
            found = await usable_keys(self._database)
        self._keys = {key.id: key for key in found}
        self._noted = {name: at for name, at in self._noted.items() if name in self._keys}
        self._asked_at = began
        foreign = [key.id for key in found if key.pepper != self._name]
        if foreign:
            _log.warning("keys_of_another_pepper", keys=foreign[:10], count=len(foreign))

    @property
    def _name(self) -> str | None:
        return None if self._pepper is None else self._pepper.name

    async def _write_uses(self) -> None:
        while self._due:
            used = list(self._due)
            self._due.clear()
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await mark_used(self._database, used)
            except (EconstreamError, TimeoutError) as exc:
                # The next minute's use is stored instead, if it can be.
                _log.warning("key_uses_not_stored", reason=str(exc) or "no answer in time")
