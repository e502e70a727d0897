"""Requests that carry an Idempotency-Key, remembered on a topic: however often, published once.

A request is claimed on the topic before its rows are published, with the as_of that they get, and
again when they were acknowledged. Of two claims of one key the earlier on the topic counts, so
it does not matter how many processes serve the API. One that dies between the two leaves a claim
whose rows may be there: the repetition publishes them with the same as_of, by which the loader
knows them for the same versions and stores nothing twice.
"""

import asyncio
import datetime as dt
import hashlib
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from pydantic import BaseModel, ValidationError

from services.api.ingest.broker import Broker
from services.api.problems import Problem
from shared.errors import Transient
from shared.kafka import read_whole
from shared.observability import get_logger
from shared.record import Message, Record

KEEP_SECONDS = 86_400.0
MAX_REMEMBERED = 100_000
ALONE_SECONDS = 30.0
"""How long another process may work on a request before it counts as dead."""

_PAUSES = (0.1, 0.3, 1.0)
"""Seconds between attempts to read, while the topic has no leader yet."""

_log = get_logger(__name__)


class Claim(BaseModel):
    """A record of the topic; `offsets` are there when the rows were acknowledged.

    Times are seconds since 1970; `digest` stands for what was sent.
    """

    digest: str
    as_of: dt.datetime
    claimed_at: float
    owner: str
    offsets: dict[int, int] | None = None


class Attempt:
    """One request under its key, while it is answered; `as_of` is the moment its rows get."""

    def __init__(self, repeats: "Repeats", name: str, claim: Claim, *, claimed: bool) -> None:
        self._repeats = repeats
        self._name = name
        self._claim = claim
        self._claimed = claimed

    @property
    def as_of(self) -> dt.datetime:
        """The moment from which on its rows are known, however often they are sent."""
        return self._claim.as_of

    @property
    def offsets(self) -> dict[int, int] | None:
        """The last offset on each partition where the rows were published already, else None."""
        return self._claim.offsets

    async def claim(self) -> None:
        """Claim the request, before its first row is published; idempotent.

        Raises Problem (409) where another process was first, Transient where the broker is away.
        """
        if not self._claimed:
            await self._repeats.claim(self._name, self._claim)
            self._claimed = True

    async def done(self, offsets: Mapping[int, int]) -> None:
        """Remember that the rows were acknowledged, up to these offsets."""
        await self._repeats.append(
            self._name, self._claim.model_copy(update={"offsets": dict(offsets)})
        )


class Repeats:
    """Remembers requests for a day, or the last MAX_REMEMBERED of them; for one event loop."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._owner = uuid.uuid4().hex
        self._claims: OrderedDict[str, Claim] = OrderedDict()
        self._next: int | None = None
        self._appending = asyncio.Lock()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def attempt(self, name: str, digest: str, as_of: dt.datetime) -> AsyncIterator[Attempt]:
        """Hold a request's key for the block; who comes with it meanwhile waits.

        Raises Problem: 422 where another request had this key, 409 where another process works
        on this one; Transient where the broker is away.
        """
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            async with self._appending:
                if self._next is None:
                    await self._read_on()
            known = self._known(name)
            if known is not None:
                self._check(known, digest)
            mine = Claim(digest=digest, as_of=as_of, claimed_at=time.time(), owner=self._owner)
            yield Attempt(self, name, known or mine, claimed=known is not None)

    async def claim(self, name: str, claim: Claim) -> None:
        """Put a claim on the topic; raises Problem (409) where another stands before it."""
        await self.append(name, claim)
        standing = self._known(name)
        if standing is not None and standing.owner != claim.owner:
            self._check(standing, claim.digest)
            raise _in_progress()

    async def append(self, name: str, claim: Claim) -> None:
        """Put a record on the topic and let it count, after those that stand before it."""
        record = Record(self._broker.answers_topic, name.encode(), claim.model_dump_json().encode())
        async with self._appending:
            published = await self._broker.publish([record])
            (offset,) = published.last_offsets.values()
            if offset == self._next:
                self._take(name, claim)
                self._next += 1
                return
            # Another process wrote in between, or the topic was made anew.
            if self._next is not None and offset < self._next:
                self._next = None
            await self._read_on()

    def _check(self, claim: Claim, digest: str) -> None:
        if claim.digest != digest:
            raise Problem(
                422, "idempotency-key-reused",
                "this Idempotency-Key came with another body, as_of or source within a day: "
                "each request needs one of its own",
            )  # fmt: skip
        alone = time.time() - claim.claimed_at < ALONE_SECONDS
        if claim.offsets is None and claim.owner != self._owner and alone:
            raise _in_progress()

    def _known(self, name: str) -> Claim | None:
        claim = self._claims.get(name)
        if claim is None or time.time() - claim.claimed_at > KEEP_SECONDS:
            return None
        return claim

    async def _append(self, name: str, claim: Claim) -> None:
        record = Record(self._broker.answers_topic, name.encode(), claim.model_dump_json().encode())
        async with self._appending:
            published = await self._broker.publish([record])
            (offset,) = published.last_offsets.values()
            if offset == self._next:
                self._take(name, claim)
                self._next += 1
            else:
                # Another process wrote in between, and what it wrote may come first.
                await self._read_on()

    async def _read_on(self) -> None:
        after = {} if self._next is None else {0: self._next}
        found = await self._read_whole(after)
        for message in found:
            self._read(message)
        self._next = found[-1].offset + 1 if found else self._next or 0

    async def _read_whole(self, after: Mapping[int, int]) -> list[Message]:
        """Return the topic's records; one that was only just made is waited for."""
        cluster = await self._broker.cluster()
        for pause in _PAUSES:
            try:
                return await read_whole(cluster, self._broker.answers_topic, after)
            except Transient as exc:
                _log.debug("answers_not_ready", reason=str(exc))
                await asyncio.sleep(pause)
        return await read_whole(cluster, self._broker.answers_topic, after)

    def _read(self, message: Message) -> None:
        try:
            claim = Claim.model_validate_json(message.value or b"")
        except ValidationError:
            _log.warning("claim_not_readable", offset=message.offset)
            return
        self._take((message.key or b"").decode(errors="replace"), claim)

    def _take(self, name: str, claim: Claim) -> None:
        """Let a record of the topic count: the first claim, and the first end of one."""
        known = self._known(name)
        if known is None:
            self._claims.pop(name, None)
            self._claims[name] = claim
        elif known.offsets is None and claim.offsets is not None:
            self._claims[name] = claim
        while len(self._claims) > MAX_REMEMBERED:
            self._claims.popitem(last=False)


def _in_progress() -> Problem:
    return Problem(
        409, "in-progress", "a request with this Idempotency-Key is being answered: try again",
        {"Retry-After": "5"},
    )  # fmt: skip


def name_of(key_id: str, dataset: str, given: str) -> str:
    """Return the name of a request: an Idempotency-Key belongs to an API key and a dataset."""
    return hashlib.sha256(f"{key_id}\0{dataset}\0{given}".encode()).hexdigest()


def digest_of(body: bytes, as_of: dt.datetime | None, source: str) -> str:
    """Return what stands for all that was sent."""
    head = f"{'' if as_of is None else as_of.isoformat()}\0{source}\0".encode()
    return hashlib.sha256(head + hashlib.sha256(body).digest()).hexdigest()


__all__ = ["Attempt", "Repeats", "digest_of", "name_of"]
