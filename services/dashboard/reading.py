"""What a page reads: tables of the API as of its moment, kept until the event stream tells news."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import streamlit as st

from services.dashboard.client import Answer, Api
from services.dashboard.follow import Follower, Link
from services.dashboard.moment import Moment
from shared.dataset import Dataset
from shared.registry import Registry

_UNFOLLOWED_SECONDS = 5
_KEEP_SECONDS = 120

Entities = tuple[str, ...] | None
Query = tuple[tuple[str, str], ...]


@dataclass
class Reading:
    """One look at a page: where it reads, for which moment, and what it has read.

    seen  what was read: the dataset, its entities (None: all) and the number of changes then
    """

    api: Api
    registry: Registry
    moment: Moment
    seen: list[tuple[str, Entities, int]] = field(default_factory=list)

    def rows(
        self,
        name: str,
        entities: Iterable[str] | None = None,
        parameters: Mapping[str, str] | None = None,
        *,
        view: str = "",
        moment: Moment | None = None,
    ) -> Answer:
        """Return rows of a dataset (`view="/latest"`: the newest of each entity); blocks.

        `moment` is the page's unless another is given. Raises as the API's client does.
        """
        dataset = self.registry[name]
        chosen = None if entities is None else tuple(sorted(entities))
        asked = dict(parameters or {})
        if chosen:
            asked[dataset.entity] = ",".join(_quoted(entity) for entity in chosen)
        asked |= (self.moment if moment is None else moment).parameters(dataset)
        path = f"/v1/data/{name}{view}"
        return _table(
            self.api.url, path, tuple(asked.items()), self._age(dataset, chosen), self.api
        )

    def link(self) -> Link:
        """Return how the page's datasets are followed: away where any is."""
        links = {self._follower(self.registry[name]).link for name, _, _ in self.seen}
        order = (Link.AWAY, Link.REFUSED, Link.OPENING)
        return next((link for link in order if link in links), Link.LIVE)

    def changed(self) -> bool:
        """Return whether anything of what is shown has changed since it was read.

        Where a page shows some entities of a dataset, news of the others does not count.
        """
        some = {name for name, entities, _ in self.seen if entities is not None}
        return any(
            self._follower(self.registry[name]).changes(entities) != before
            for name, entities, before in self.seen
            if entities is not None or name not in some
        )

    def _age(self, dataset: Dataset, entities: Entities) -> int:
        """Return a number that is another one when an answer kept is no longer good."""
        following = self._follower(dataset)
        changes = following.changes(entities)
        self.seen.append((dataset.name, entities, changes))
        if following.link is Link.LIVE:
            return changes
        return -int(time.monotonic() / _UNFOLLOWED_SECONDS)

    def _follower(self, dataset: Dataset) -> Follower:
        return follower(self.api.url, dataset.name, dataset.entity, self.api)


@st.cache_data(ttl=_KEEP_SECONDS, max_entries=300, show_spinner=False)
def _table(url: str, path: str, query: Query, age: int, _api: Api) -> Answer:
    return _api.table(path, dict(query))


@st.cache_resource(show_spinner=False)
def follower(url: str, dataset: str, entity: str, _api: Api) -> Follower:
    """Return the process's one follower of a dataset; blocks three seconds at most, once."""
    found = Follower(_api, dataset, entity)
    found.await_answer()
    return found


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value
