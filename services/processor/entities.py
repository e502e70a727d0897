"""Whom a text names: organisations and the tickers of their shares, by a dictionary."""

import re
from collections.abc import Iterable

ENTITIES = {
    "Alphabet": "GOOGL", "Amazon": "AMZN", "AMD": "AMD", "Apple": "AAPL", "Bank of America": "BAC",
    "Berkshire Hathaway": "BRK-B", "Boeing": "BA", "BP": "BP", "Broadcom": "AVGO",
    "Chevron": "CVX", "Cisco": "CSCO", "Citigroup": "C", "Coca-Cola": "KO", "Disney": "DIS",
    "ExxonMobil": "XOM", "Exxon Mobil": "XOM", "Ford": "F", "General Motors": "GM",
    "Goldman Sachs": "GS", "Google": "GOOGL", "IBM": "IBM", "Intel": "INTC",
    "JPMorgan": "JPM", "Meta Platforms": "META", "Microsoft": "MSFT", "Morgan Stanley": "MS",
    "Netflix": "NFLX", "Nike": "NKE", "Nvidia": "NVDA", "Oracle": "ORCL", "Pfizer": "PFE",
    "Salesforce": "CRM", "Shell": "SHEL", "Tesla": "TSLA", "UnitedHealth": "UNH",
    "Walmart": "WMT", "Wells Fargo": "WFC",
    "Bank of England": None, "Bank of Japan": None, "ECB": None, "European Central Bank": None,
    "Federal Reserve": None, "IMF": None, "OPEC": None, "S&P 500": "^GSPC", "SEC": None,
    "US Treasury": None,
}  # fmt: skip
"""Names as they are written, and the ticker of Yahoo's that each has, if any."""

_SPOKEN = sorted(ENTITIES, key=len, reverse=True)
_NAMED = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _SPOKEN))})(?!\w)")


def entities_in(text: str, tickers: Iterable[str] = ()) -> list[str]:
    """Return tickers given, then tickers and names that a text holds, each once, in order.

    Names count as they are written, capitals included: apples are no company.
    """
    found = dict.fromkeys(tickers)
    for match in _NAMED.finditer(text):
        ticker = ENTITIES[match[0]]
        if ticker is not None:
            found.setdefault(ticker)
        found.setdefault(match[0])
    return list(found)
