"""How many records the manifest counts in each recorded answer, and where it counts otherwise."""

import ast
import re
from collections import Counter
from dataclasses import replace

from services.fetcher.answer import query_of
from services.fetcher.archive.folder import Archive
from tests.contract.recorded import FOLDER, Recorded, manifest

DATASETS = {
    "fred/observations/": "fred_data",
    "fred/alfred_vintages/": "fred_data",
    "fred/series_meta/": "fred_series",
    "fredgraph/": "fred_data",
    "yahoo/chart/": "yfinance_ohlcv",
    "cboe/index_history/": "cboe_vix_history",
    "cboe/delayed_quotes_options/": "options_chain",
    "ici/": "ici",
    "news/": "news_articles",
}
"""What the manifest counts in the answers of each folder; `ici` is weeks and months together."""

NO_RECORDS = {
    "fred/alfred_vintages/GDP_series_vintagedates_rec03_Nov_2024.json": "days to ask for",
    "yahoo/chart/commdash_yahoo_unknown_symbol.json": "Yahoo's word that there is no such symbol",
}
"""Answers that a source reads and that hold no row, whatever the manifest counts in them."""

UNREAD = {
    "cboe/charts_historical/": "no source: the histories hold the same days",
    "cboe/definitions/": "no source: lists of symbols",
    "cboe/quotedata_csv/": "no source: what a browser saves of the chains",
    "cboe/quotes/": "no source: the last quote alone",
    "fred/errors/": "FRED's own error: its test is in test_sources",
    "fred/other/": "routes that say what to ask for, or are not read: likewise",
    "fred/vintage_panels/": "no answer: tables made of many",
    "fredgraph/timing_": "saved anew with another header, which is refused: test_fredgraph",
    "ici/derived_": "no answer: tables made of many",
    "ici/etf_net_issuance_release_tables_transcribed.tsv": "no answer: typed off releases",
    "news/crawinsight_bloomberg.xml": "no source: a sitemap",
    "news/crawinsight_nytimes.xml": "no source: a newspaper's own feed",
    "news/polygon_news_NFLX.json": "no source: wants a paid key",
    "news/gdelt/": "no source: GDELT's raw files, not its answers",
    "other/": "no source: Tiingo",
    "packages/": "no answer: tables that packages ship",
    "yahoo/chart/commdash_synthetic_": "no recording: its test is in test_sources",
    "yahoo/options/": "no source: Cboe's chains are read instead",
    "yahoo/pystock_daily_us/": "no answer: tables of the API before this one",
    "yahoo/quote/": "no source: the last quote alone",
    "yahoo/search_news/": "no source: the feeds are read instead",
    "yahoo/yfinance_ohlcv/": "no answer: tables made of answers",
}
"""What of the manifest no replay plays back, by the beginning of its path, and why."""


def counted() -> dict[str, Recorded]:
    """Return the manifest's lines of all answers that are played back, by their paths.

    The URLs are those that the answers were played back under, where the manifest's are shapes.
    """
    lines = {recorded.path: recorded for recorded in manifest()}
    entries, _ = Archive(FOLDER).entries()
    played = {entry.path: replace(lines[entry.path], url=entry.url) for entry in entries}
    return played | {recorded.path: recorded for recorded in manifest("fred/series_meta")}


def expected(recorded: Recorded) -> Counter[str]:
    """Return how many rows of each dataset come of an answer, by what the manifest says of it."""
    dataset = next(name for folder, name in DATASETS.items() if recorded.path.startswith(folder))
    if recorded.path in NO_RECORDS:
        return Counter()
    assert recorded.records is not None, f"the manifest counts nothing in {recorded.path}"
    rows = Counter({dataset: recorded.records})
    if dataset == "options_chain":
        rows["options_data"] = 1
    if recorded.path.startswith("fredgraph/"):
        # The manifest counts lines, and each holds a value of every series.
        rows[dataset] *= len(query_of(recorded.url)["id"].split(","))
    events = re.search(r"events=({.*?})", recorded.notable)
    rows["corporate_actions"] = sum(ast.literal_eval(events[1]).values()) if events else 0
    return +rows


def by_dataset(published: Counter[str]) -> Counter[str]:
    """Return counts of rows by dataset, ICI's weeks and months together."""
    found: Counter[str] = Counter()
    for name, rows in published.items():
        found["ici" if name.startswith("ici_") else name] += rows
    return +found
