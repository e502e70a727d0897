"""API keys: what one may do, how it is made, and how it is known again without being kept."""

import datetime as dt
import enum
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

_PREFIX = "ek_"
_ID_BYTES, _SECRET_BYTES = 6, 32
_ID_LENGTH = len(_PREFIX) + 2 * _ID_BYTES
_LONGEST = 128


class Scope(enum.StrEnum):
    """What a key may do; none includes another, and a key may have several."""

    READ = "read"
    INGEST = "ingest"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored.

    id        the visible beginning of the key's text
    name      what its owner calls it
    digest    HMAC-SHA256 of the whole text under the pepper
    pepper    which pepper that was; see `Pepper.name`
    datasets  the only ones it is good for; None: all
    """

    id: str
    name: str | None
    digest: bytes = field(repr=False)
    pepper: str
    scopes: tuple[Scope, ...]
    datasets: tuple[str, ...] | None
    created_at: dt.datetime
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    last_used_at: dt.datetime | None = None

    def state(self, now: dt.datetime) -> str:
        """Return `active`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


class Pepper:
    """The secret without which nobody can tell a stored digest from a guess."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @property
    def name(self) -> str:
        """Tell this pepper from others, and nothing of it."""
        return hmac.new(self._secret, b"name", hashlib.sha256).hexdigest()[:8]

    def digest(self, text: str) -> bytes:
        """Return what is stored of a key's text."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).digest()


def make_key(
    pepper: Pepper,
    scopes: Sequence[Scope],
    now: dt.datetime,
    *,
    name: str | None = None,
    datasets: Sequence[str] | None = None,
    expires_at: dt.datetime | None = None,
) -> tuple[Key, str]:
    """Return a new key and its text, which is to be shown once and kept nowhere."""
    identity = _PREFIX + secrets.token_hex(_ID_BYTES)
    text = f"{identity}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    given = tuple(dict.fromkeys(scopes))
    only = None if datasets is None else tuple(dict.fromkeys(datasets))
    key = Key(identity, name, pepper.digest(text), pepper.name, given, only, now, expires_at)
    return key, text


def identity_of(text: str) -> str | None:
    """Return the id that a key's text begins with, or None where it is no such text."""
    if len(text) > _LONGEST or not text.startswith(_PREFIX):
        return None
    return text[:_ID_LENGTH] if text[_ID_LENGTH : _ID_LENGTH + 1] == "_" else None
