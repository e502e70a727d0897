"""Builds samples/ out of a folder of recorded answers: only what may be carried, smallest form."""

import csv
import datetime as dt
import gzip
import io
import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

FREE = re.compile(r"Apache-2\.0|\bMIT\b|BSD|NCSA|PDDL")
SAMPLES = Path(__file__).parents[1] / "samples"
RECORDED = Path(__file__).parents[2] / "shared" / "upstream"
KEY = re.compile(r"(api_key=[^&]*&?)")

# Series in the public domain or free to reuse by their own notes; those of private owners
# (SP500, AMERIBOR, ICE BofA, Michigan) are left out.
OBSERVATIONS = """GDP CPILFESL WGS10YR DGS1 DGS20 DGS2 DGS10 DGS30 DGS3MO DGS6MO DFF IORB SOFR
SOFR99 SOFR180DAYAVG OBFR25 OBFR75 OBFR99 CFSBCACTIVITY CFSBCACTIVITYMFG CFSBCACTIVITYNMFG
CFSBCCAPXEXP FGRODSAMFRBDAL GRONSAMFRBDAL AWCINA156MNFRBNY AWCNNA156MNFRBNY
ECBESTRTOTVOL ECBESTRNUMACTBANKS"""
CHARTS = "AAPL MSFT NVDA TSLA GOOG QQQ SPOT ABBV BABA OCDO.L WSU.DE AZT.OL EURUSD=X GC=F"
ZONES = {
    "": "America/New_York",
    "HK": "Asia/Hong_Kong",
    "L": "Europe/London",
    "MC": "Europe/Madrid",
    "MI": "Europe/Rome",
    "PA": "Europe/Paris",
    "T": "Asia/Tokyo",
}
TABLES = """1398-HK-1d-bad-div 3988-HK-1d-bad-div 4063-T-1d-bad-div CALM-1d-no-bad-divs
CLC-L-1d-bad-div IBE-MC-1d-no-bad-divs JENYX-1d-cg-double-count KME-MI-1d-bad-div PSH-L-1d-bad-div
REL-L-1d-bad-div SAND-1d-bad-div SERE-L-1d-bad-div TEM-L-1d-bad-div TEP-PA-1d-bad-div
TISG-MI-1d-no-bad-divs VWILX-1d-cg-double-count"""

AS_RECORDED = ("ici/flows_data_saved_", "news/commdash_google_news", "cboe/delayed_quotes_options/")
KINDS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".xls": "application/vnd.ms-excel",
    ".xml": "application/rss+xml",
}


@dataclass(frozen=True)
class Sample:
    """One answer of the samples: its line of the index, its body and where it comes from."""

    url: str
    path: str
    fetched_at: dt.datetime
    body: bytes
    origin: str

    @property
    def line(self) -> dict[str, Any]:
        """The answer's line of the index."""
        suffix = next(suffix for suffix in KINDS if suffix in self.path)
        return {
            "url": self.url,
            "path": self.path,
            "fetched_at": self.fetched_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "status": 200,
            "headers": {"content-type": KINDS[suffix]},
        }


def main() -> None:
    """Write samples/ anew and check that every file may be carried."""
    if not (RECORDED / "MANIFEST.tsv").exists():
        sys.exit(f"no recorded answers at {RECORDED}: nothing done")
    with (RECORDED / "MANIFEST.tsv").open(encoding="utf-8") as file:
        manifest = {row["path"]: row for row in csv.DictReader(file, delimiter="\t")}
    found = (_fred, _recorded_charts, _tables, _cboe, _as_recorded)
    samples = sorted(
        (sample for samples_of in found for sample in samples_of(manifest)),
        key=lambda sample: (sample.fetched_at, sample.url, sample.path),
    )
    for sample in samples:
        if not FREE.search(sample.origin):
            sys.exit(f"{sample.path} may not be carried: {sample.origin}")
        target = SAMPLES / sample.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(gzip.compress(sample.body, 9, mtime=0))
    lines = [json.dumps(sample.line, ensure_ascii=False) + "\n" for sample in samples]
    (SAMPLES / "index.ndjson").write_text("".join(lines), encoding="utf-8")
    _attribute(samples)
    print(f"{len(samples)} answers")


def _fred(manifest: dict[str, dict[str, str]]) -> Iterator[Sample]:
    wanted = set(OBSERVATIONS.split())
    for path, row in manifest.items():
        folder, name = path.rpartition("/")[::2]
        if folder not in ("fred/observations", "fred/series_meta", "fred/alfred_vintages"):
            continue
        if name.partition("_")[0] not in wanted or "vintagedates" in name or "_2019-01-01" in name:
            continue
        recorded = re.search(r"recorded (\d\d \w{3} \d{4})", row["notable"])
        if recorded is None:
            sys.exit(f"{path} has no recording date")
        day = dt.datetime.strptime(recorded[1], "%d %b %Y").replace(hour=12, tzinfo=dt.UTC)
        url = KEY.sub("", row["url_shape"]).rstrip("&")
        body = (RECORDED / path).read_bytes()
        yield Sample(url, f"fred/{name}.gz", day, body, row["source_and_licence"])


def _recorded_charts(manifest: dict[str, dict[str, str]]) -> Iterator[Sample]:
    wanted = set(CHARTS.split())
    with (RECORDED / "index.ndjson").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            path = line["path"]
            symbol = line["url"].partition("/v8/finance/chart/")[2].partition("?")[0]
            if symbol not in wanted or "interval=1d" not in line["url"]:
                continue
            name = path.rpartition("/")[2].replace(".csv", "")
            moment = dt.datetime.fromisoformat(line["fetched_at"])
            body = (RECORDED / path).read_bytes()
            origin = manifest[path]["source_and_licence"]
            yield Sample(line["url"], f"yahoo/{name}.gz", moment, body, origin)


def _tables(manifest: dict[str, dict[str, str]]) -> Iterator[Sample]:
    for name in TABLES.split():
        path = f"yahoo/yfinance_ohlcv/{name}.csv"
        stem, _, place = name.partition("-1d")[0].partition("-")
        symbol = f"{stem}.{place}" if place else stem
        with (RECORDED / path).open(encoding="utf-8") as file:
            body, last = _chart_answer(symbol, ZONES[place], list(csv.DictReader(file)))
        moment = dt.datetime.combine(last, dt.time(12), dt.UTC) + dt.timedelta(days=1)
        url = (
            f"https://query1.finance.yahoo.com/v8/finance/chart/{quote(symbol)}"
            "?interval=1d&events=div,splits,capitalGains&includePrePost=false"
        )
        origin = f"rebuilt from {path.rpartition('/')[2]}: {manifest[path]['source_and_licence']}"
        yield Sample(url, f"yahoo/rebuilt-{symbol}.json.gz", moment, body, origin)


def _chart_answer(symbol: str, zone: str, rows: list[dict[str, str]]) -> tuple[bytes, dt.date]:
    """Return a chart answer that says what a table says, and the last day in it."""
    moments = [dt.datetime.fromisoformat(row.get("Date") or row["Datetime"]) for row in rows]
    order = sorted(range(len(rows)), key=lambda i: moments[i])
    rows, moments = [rows[i] for i in order], [moments[i] for i in order]
    stamps = [int(moment.timestamp()) for moment in moments]
    quotes = {
        name.lower(): [_figure(row[name]) for row in rows]
        for name in ("Open", "High", "Low", "Close")
    }
    volumes = [_figure(row["Volume"]) for row in rows]
    result = {
        "meta": {
            "symbol": symbol,
            "exchangeTimezoneName": zone,
            "dataGranularity": "1d",
            "rebuilt": "from a table saved from chart answers; the table names no currency",
        },
        "timestamp": stamps,
        "events": _events(rows, stamps),
        "indicators": {
            "quote": [quotes | {"volume": [None if v is None else int(v) for v in volumes]}],
            "adjclose": [{"adjclose": [_figure(row["Adj Close"]) for row in rows]}],
        },
    }
    document = {"chart": {"result": [result], "error": None}}
    return json.dumps(document, separators=(",", ":")).encode(), moments[-1].date()


def _events(rows: list[dict[str, str]], stamps: list[int]) -> dict[str, Any]:
    events: dict[str, dict[str, Any]] = {}
    for row, stamp in zip(rows, stamps, strict=True):
        for column, kind in (("Dividends", "dividends"), ("Capital Gains", "capitalGains")):
            if amount := _figure(row.get(column, "")):
                events.setdefault(kind, {})[str(stamp)] = {"amount": amount, "date": stamp}
        if ratio := _figure(row["Stock Splits"]):
            split = {"date": stamp, "numerator": ratio, "denominator": 1}
            events.setdefault("splits", {})[str(stamp)] = split
    return events


def _figure(text: str) -> float | None:
    figure = float(text) if text else math.nan
    return figure if math.isfinite(figure) else None


def _cboe(manifest: dict[str, dict[str, str]]) -> Iterator[Sample]:
    base = "https://cdn.cboe.com/api/global/us_indices/daily_prices"
    name = "AAVE10RP_History.csv"
    row = manifest[f"cboe/index_history/{name}"]
    body = (RECORDED / row["path"]).read_bytes()
    moment = dt.datetime(2026, 8, 1, 12, tzinfo=dt.UTC)
    yield Sample(f"{base}/{name}", f"cboe/{name}.gz", moment, body, row["source_and_licence"])

    row = manifest["packages/vix.csv.gz"]
    with gzip.open(RECORDED / row["path"], "rt", encoding="utf-8") as file:
        days = [(line["Date"], line["vix"]) for line in csv.DictReader(file)]
    text = io.StringIO("DATE,VIX\n")
    text.seek(0, io.SEEK_END)
    for day, value in days:
        month, date, year = map(int, day.split("/"))
        if value == ".":
            continue
        text.write(f"{month:02}/{date:02}/{year},{value}\n")
    moment = dt.datetime(2019, 1, 4, 12, tzinfo=dt.UTC)
    origin = f"rebuilt from {row['path']}: {row['source_and_licence']}"
    body = text.getvalue().encode()
    yield Sample(f"{base}/VIX_History.csv", "cboe/VIX_History.csv.gz", moment, body, origin)


def _as_recorded(manifest: dict[str, dict[str, str]]) -> Iterator[Sample]:
    """Yield what is carried byte for byte, under the URL and time of the archive."""
    with (RECORDED / "index.ndjson").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            path = line["path"]
            if path.startswith(AS_RECORDED):
                moment = dt.datetime.fromisoformat(line["fetched_at"])
                body = (RECORDED / path).read_bytes()
                target = f"{path.partition('/')[0]}/{path.rpartition('/')[2]}.gz"
                target = target.replace("/AAPL", "/options-AAPL")
                yield Sample(
                    line["url"], target, moment, body, manifest[path]["source_and_licence"]
                )


def _attribute(samples: list[Sample]) -> None:
    """Write each file's origin into the table of samples/README.md."""
    readme = SAMPLES / "README.md"
    above = readme.read_text(encoding="utf-8").partition("| File |")[0]
    rows = [f"| {s.path} | {s.origin} |\n" for s in sorted(samples, key=lambda s: s.path)]
    table = "| File | From, and its licence |\n| --- | --- |\n" + "".join(rows)
    readme.write_text(above + table, encoding="utf-8")


if __name__ == "__main__":
    main()
