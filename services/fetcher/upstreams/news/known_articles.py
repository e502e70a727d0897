"""Remembers what each feed said of an article, so that feeds that differ do not take turns."""

import datetime as dt
import hashlib
from dataclasses import replace
from typing import Any

import orjson
import pyarrow as pa

from services.fetcher.answer import Answer
from services.fetcher.state.memory import Had, States
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.record import Rows

_OWNER = NEWS_ARTICLES.name
"""Under which all sources of news remember together."""
_TICKERS = "tickers"
_KEPT = dt.timedelta(days=14)
_RENEWED = dt.timedelta(days=7)


class KnownArticles:
    """What feeds said of articles in earlier runs and in this one.

    A feed's word on an article is published when the feed says it for the first time or changes
    it, not when it only repeats it; and always with the tickers of all feeds that had it. So
    the articles of feeds that stay as they are settle after each feed has spoken once. Links
    change with each fetch and are no word.
    """

    def __init__(
        self, states: States, had: dict[str, Had], now: dt.datetime, *, everything: bool = False
    ) -> None:
        """Begin with what is remembered, which is added to; `everything`: repetitions too."""
        self._states = states
        self._had = had
        self._now = now
        self._everything = everything
        self._told: dict[str, Had] = {}

    @classmethod
    async def recall(
        cls, states: States, had: dict[str, Had], *, everything: bool = False
    ) -> "KnownArticles":
        """Return what is remembered, added to what the sources of this process know in `had`.

        Raises Transient where nothing answers.
        """
        for name, found in (await states.recall(_OWNER)).items():
            had[name] = _together(had.get(name), found)
        return cls(states, had, dt.datetime.now(dt.UTC), everything=everything)

    def news(self, answer: Answer, rows: Rows) -> Rows:
        """Return the rows of an answer that say something new; other datasets' as they are."""
        if rows.dataset is not NEWS_ARTICLES:
            return rows
        feed, self._told = _hash(answer.url), {}
        found = [row for row in rows.table.to_pylist() if self._is_news(feed, row)]
        return replace(rows, table=pa.Table.from_pylist(found, rows.table.schema))

    async def keep(self) -> None:
        """Remember what `news` returned last; call it when all of that is acknowledged."""
        changes: dict[str, Had | None] = {
            name: _together(self._had.get(name), told) for name, told in self._told.items()
        }
        old = [name for name, had in self._had.items() if self._now - had.asked_at > _KEPT]
        self._told = {}
        for name in old:
            del self._had[name]
        self._had |= {name: had for name, had in changes.items() if had}
        if changes or old:
            await self._states.keep(_OWNER, dict.fromkeys(old) | changes)

    def _is_news(self, feed: str, row: dict[str, Any]) -> bool:
        """Return whether a row is to be published, with the tickers of all feeds in it."""
        name = row["article_id"]
        word = _hash(*(row[field] for field in _SAID))
        before = self._had.get(name)
        facts = before.facts if before else {}
        tickers = sorted({*facts.get(_TICKERS, "").split(), *row["tickers"]})
        row["tickers"] = tickers
        new = facts.get(feed) != word
        if new or before is None or self._now - before.asked_at > _RENEWED:
            told = facts | {feed: word, _TICKERS: " ".join(tickers)}
            self._told[name] = Had(url="", asked_at=self._now, facts=told)
        return new or self._everything


def _together(one: Had | None, other: Had) -> Had:
    """Return what two memories of an article hold together; of a feed's words the later ones."""
    if one is None:
        return other
    earlier, later = sorted((one, other), key=lambda had: had.asked_at)
    tickers = {name for had in (one, other) for name in had.facts.get(_TICKERS, "").split()}
    facts = earlier.facts | later.facts | {_TICKERS: " ".join(sorted(tickers))}
    return later.model_copy(update={"facts": facts})


_SAID = [
    column.name
    for column in NEWS_ARTICLES.columns
    if column.versioned or column.name in (_TICKERS, "language")
]


def _hash(*values: Any) -> str:
    return hashlib.blake2b(orjson.dumps(values), digest_size=8).hexdigest()
