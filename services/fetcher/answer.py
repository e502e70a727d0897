"""What a fetcher asks, what an upstream answered, and what was read out of the answer."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from shared.errors import EconstreamError
from shared.record import Rows

SECRET_PARAMETERS = frozenset(
    {
        *("access_token", "api_key", "apikey", "auth", "client_secret", "crumb", "key"),
        *("password", "secret", "sig", "signature", "token"),
    }
)
"""Query parameters that never stand in a URL that is kept, shown or raised."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""How long a body may be, after decompression: one answer is held at a time, and whole."""

CONTINUES = "continues"
"""The note in a URL's fragment that says: what stands on its first day is known already."""

RELEASE = "release="
"""The note in a URL's fragment that names the release of the series that is asked for."""


class UnreadableAnswer(EconstreamError):
    """The answer does not have the form its source documents; nothing of it is published."""


class UpstreamError(EconstreamError):
    """The upstream itself answered with an error; its own words are in the text."""


class UnknownNameError(UpstreamError):
    """The upstream has nothing of the name that was asked for: asking again brings nothing."""


class RefusedError(UpstreamError):
    """The upstream refuses whoever asks, such as for a wrong key: asking on brings nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question to an upstream.

    url           without any secret: this is the URL that is kept and shown; a fragment in it is
                  a note to whoever parses the answer, and never sent
    secrets       query parameters that are added only on the wire
    credentials   headers that are added only on the wire
    known_as      the name under which it is remembered, where that is not its URL
    unless_since  only ask where the whole was not had since this moment
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)
    credentials: Mapping[str, SecretStr] = field(default_factory=dict)
    known_as: str = ""
    unless_since: dt.datetime | None = None

    @property
    def name(self) -> str:
        """The name under which it is remembered what was had of it."""
        return self.known_as or self.url

    def narrowed(self, url: str) -> "Request":
        """Return a request for a part of what this one asks for, remembered as this one."""
        return replace(self, url=url, known_as=self.name)


@dataclass(frozen=True, slots=True)
class Answer:
    """An upstream's answer, live or from an archive; header names are lower case.

    body        decoded: no content encoding is left
    fetched_at  when it was received, with its zone
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    fetched_at: dt.datetime

    @property
    def path(self) -> str:
        """The path of the URL, as it was asked."""
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the URL; the last of a name counts."""
        return query_of(self.url)

    @property
    def known_at(self) -> dt.datetime:
        """When this state was known: the upstream's Last-Modified, else the time of fetching.

        Never later than the fetch; a malformed Last-Modified counts as none.
        """
        modified = moment_of_header(self.headers.get("last-modified", ""))
        return min(modified or self.fetched_at, self.fetched_at)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a source read out of one answer.

    skipped   how many records were left out, by reason
    warnings  what was odd and did no harm, such as a new column
    more      requests whose answers complete this one, such as the next page
    also      requests of their own that this answer makes due, such as a whole history
    facts     what of it is remembered with the request, for what is asked later
    """

    rows: Sequence[Rows] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    more: Sequence[Request] = ()
    also: Sequence[Request] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """How many records there are to publish."""
        return sum(rows.table.num_rows for rows in self.rows)


def moment_of_header(text: str) -> dt.datetime | None:
    """Return the moment that a header such as Last-Modified names; None where it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of a URL; the last of a name counts."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def without_secrets(url: str) -> str:
    """Return a URL without user, password and the parameters that carry secrets.

    A fragment is kept only where it is a note of our own requests, CONTINUES or RELEASE.
    """
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name.lower() not in SECRET_PARAMETERS]
    query = parts.query if len(kept) == len(asked) else urlencode(kept)
    netloc = parts.netloc.rpartition("@")[2]
    ours = parts.fragment == CONTINUES or parts.fragment.startswith(RELEASE)
    note = parts.fragment if ours else ""
    return urlunsplit((parts.scheme, netloc, parts.path, query, note))
