"""What a fetcher asks, what an upstream answered, and what was read out of the answer."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

from shared.errors import EconstreamError
from shared.record import Rows

SECRET_PARAMETERS = frozenset(
    {"access_token", "api_key", "apikey", "auth", "crumb", "key", "signature", "token"}
)
"""Query parameters that never stand in a URL that is kept, shown or raised."""


class UnreadableAnswer(EconstreamError):
    """The answer does not have the form its source documents; nothing of it is published."""


class UpstreamError(EconstreamError):
    """The upstream itself answered with an error; its own words are in the text."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question to an upstream.

    url      without any secret: this is the URL that is kept and shown
    secrets  query parameters that are added only on the wire
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretStr] = field(default_factory=dict)


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
        try:
            modified = parsedate_to_datetime(self.headers.get("last-modified", ""))
        except ValueError:
            return self.fetched_at
        if modified.tzinfo is None:
            modified = modified.replace(tzinfo=dt.UTC)
        return min(modified, self.fetched_at)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a source read out of one answer.

    skipped   how many records were left out, by reason
    warnings  what was odd and did no harm, such as a new column
    more      requests that this answer asks for, such as the next page
    """

    rows: Sequence[Rows] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    more: Sequence[Request] = ()

    @property
    def records(self) -> int:
        """How many records there are to publish."""
        return sum(rows.table.num_rows for rows in self.rows)


def query_of(url: str) -> dict[str, str]:
    """Return the parameters of a URL; the last of a name counts."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def without_secrets(url: str) -> str:
    """Return a URL without user, password and the parameters that carry secrets."""
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name.lower() not in SECRET_PARAMETERS]
    query = parts.query if len(kept) == len(asked) else urlencode(kept)
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))
