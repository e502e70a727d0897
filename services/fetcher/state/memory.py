"""What a fetcher remembers of a request between runs, and what that saves asking."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

COMPLETE = ""
"""The name under which a source's last run that had everything is remembered."""


class Had(BaseModel):
    """How a request was last asked with success, everything in its answer acknowledged.

    url            what was asked; narrower than the request where only news was wanted
    asked_at       just before it was asked: all that was known then was had
    whole_at       when the request was last asked as a whole; None: never
    etag           the answer's, where it was a single one
    last_modified  likewise, as the upstream wrote it
    digests        what each page of the answer said, in their order
    facts          what was read out of the answer for what is asked later
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    url: str
    asked_at: AwareDatetime
    whole_at: AwareDatetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    digests: tuple[str, ...] = ()
    facts: dict[str, str] = {}

    @property
    def conditions(self) -> dict[str, str]:
        """The headers by which an upstream may answer that nothing has changed."""
        if len(self.digests) > 1:
            return {}
        conditions = {"if-none-match": self.etag, "if-modified-since": self.last_modified}
        return {name: value for name, value in conditions.items() if value}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a source at the beginning of a run, by the requests' names."""

    had: Mapping[str, Had]
    now: dt.datetime

    @property
    def complete_at(self) -> dt.datetime | None:
        """When the last run began that had everything; None: there was none."""
        found = self.had.get(COMPLETE)
        return found.asked_at if found else None


class States(Protocol):
    """Where what is remembered is kept."""

    async def recall(self, source: str) -> dict[str, Had]:
        """Return what is remembered of a source's requests; raise Transient for no answer."""

    async def keep(self, source: str, changes: Mapping[str, Had | None]) -> None:
        """Remember, or forget what is None; returns when that is safe. Raises Transient."""


class Oblivion:
    """Remembers nothing, for runs that publish nothing."""

    async def recall(self, source: str) -> dict[str, Had]:
        return {}

    async def keep(self, source: str, changes: Mapping[str, Had | None]) -> None:
        return
