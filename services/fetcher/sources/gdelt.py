"""GDELT: what the world's press writes on a subject, by its search of documents."""

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from services.fetcher.answer import Answer, Parsed, Request, UnreadableAnswer, UpstreamError
from services.fetcher.parsing.body import data_of, json_object
from services.fetcher.parsing.columns import column_of, new_columns
from services.fetcher.source import Source
from services.fetcher.upstreams.news.articles import Article, article_rows, clean
from services.fetcher.watchlist.file import Watchlist
from shared.dataset import Dataset
from shared.datasets.news_articles import DATASET as NEWS_ARTICLES
from shared.settings import Settings

_DOC = "https://api.gdeltproject.org/api/v2/doc/doc"
_MOST = 250
_READ = ("url", "title", "seendate", "domain", "language")
_PASSED_OVER = ("url_mobile", "socialimage", "sourcecountry")
_BEFORE_MARK = re.compile(r"\s+([,.;:!?%)\]])")
_LANGUAGES = {
    "arabic": "ar", "bulgarian": "bg", "chinese": "zh", "croatian": "hr", "czech": "cs",
    "danish": "da", "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr",
    "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu",
    "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "norwegian": "no",
    "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru",
    "serbian": "sr", "slovak": "sk", "slovenian": "sl", "spanish": "es", "swedish": "sv",
    "thai": "th", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
}  # fmt: skip


class Gdelt(Source):
    """Articles that GDELT finds for a query in the world's press, at most 250 an answer; no key.

    Reads `api/v2/doc/doc` in `mode=artlist`. GDELT names neither publisher nor time of
    publication: the publisher is the site's domain, the time that at which GDELT saw it. It
    wants five seconds between two requests and says what it minds as plain text with status
    200, which is an upstream's error here.
    """

    name: ClassVar[str] = "gdelt"
    hosts: ClassVar[tuple[str, ...]] = ("api.gdeltproject.org",)
    datasets: ClassVar[tuple[Dataset, ...]] = (NEWS_ARTICLES,)
    watches: ClassVar[str] = "queries"
    per_second: ClassVar[float] = 0.2
    every: ClassVar[dt.timedelta] = dt.timedelta(minutes=15)

    def matches(self, url: str) -> bool:
        parts = urlsplit(url)
        listed = re.search(r"(?:^|&)mode=artlist(?:&|$)", parts.query, re.IGNORECASE)
        return f"https://{parts.hostname}{parts.path}" == _DOC and listed is not None

    def requests(
        self, watchlist: Watchlist, settings: Settings, since: dt.date | None
    ) -> Sequence[Request]:
        span = {"startdatetime": f"{since:%Y%m%d}000000"} if since else {"timespan": "1d"}
        form = {"mode": "artlist", "format": "json", "maxrecords": str(_MOST), "sort": "datedesc"}
        queries = watchlist.names(self.name, self.watches)
        return [Request(f"{_DOC}?{urlencode({'query': q, **form, **span})}") for q in queries]

    def parse(self, answer: Answer) -> Parsed:
        _refuse_words(answer)
        document, warnings = json_object(answer)
        data_of(answer)
        found = document.get("articles", [])
        if not isinstance(found, list) or (document and "articles" not in document):
            raise UnreadableAnswer("'articles' is missing: GDELT's answers have changed")
        articles = list(_articles(found))
        rows, skipped = article_rows(articles, answer.known_at, self.name)
        if len(articles) < len(found):
            skipped["no date"] = len(found) - len(articles)
        if found:
            warnings += new_columns(found[0], (*_READ, *_PASSED_OVER), "GDELT's articles")
        if len(found) >= _MOST:
            warnings.append(f"{_MOST} articles, the most GDELT gives: there may be more")
        return Parsed([rows], skipped, warnings)


def _refuse_words(answer: Answer) -> None:
    """Raise UpstreamError where GDELT answers with a sentence instead of JSON."""
    body = answer.body.strip()
    if answer.status < 400 and body and body[:1] not in b"{[<":
        raise UpstreamError(f"GDELT answered: {body[:200].decode(errors='replace')}")


def _articles(found: list[Any]) -> Iterator[Article]:
    columns = [column_of(found, name, "GDELT's articles") for name in _READ]
    for url, title, seen, domain, language in zip(*columns, strict=True):
        seen_at = _moment(seen)
        if seen_at is not None:
            yield Article(
                publisher=clean(domain).removeprefix("www."),
                title=_BEFORE_MARK.sub(r"\1", clean(title)),
                published_at=seen_at,
                url=clean(url) or None,
                language=_LANGUAGES.get(clean(language).lower()),
            )


def _moment(seen: object) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(str(seen), "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


SOURCE = Gdelt()
