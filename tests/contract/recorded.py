"""The recorded answers beside the project: what their manifest says of each."""

import csv
import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from services.fetcher.answer import Answer, Parsed, without_secrets
from services.fetcher.archive.folder import Archive
from services.fetcher.registry import discover

FOLDER = Path(__file__).parents[3] / "shared" / "upstream"
ABSENT = not (FOLDER / "MANIFEST.tsv").exists()
WHY_SKIPPED = f"the recorded answers are not at {FOLDER}"


@dataclass(frozen=True)
class Recorded:
    """A line of the manifest."""

    path: str
    url: str
    licence: str
    records: int | None
    span: tuple[dt.date, dt.date] | None
    notable: str

    def noted(self, what: str) -> int:
        """Return the number that the manifest notes after `what=`."""
        found = re.search(rf"{re.escape(what)}=(\d+)", self.notable)
        assert found, f"{self.path}: the manifest notes no {what}"
        return int(found[1])

    def answer(self) -> Answer:
        """Return it as an answer that was fetched long after its last record."""
        status = re.search(r"HTTP (\d{3})", self.notable)
        return Answer(
            self.url,
            int(status[1]) if status else 200,
            {},
            (FOLDER / self.path).read_bytes(),
            dt.datetime(2026, 11, 1, tzinfo=dt.UTC),
        )


def manifest(*folders: str) -> list[Recorded]:
    """Return the manifest's lines of these folders, or all; none where the folder is absent."""
    if ABSENT:
        return []
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    chosen = [line for line in lines if not folders or line["path"].rpartition("/")[0] in folders]
    return [_recorded(line) for line in chosen]


def recorded_answers(*prefixes: str) -> list[tuple[str, Answer]]:
    """Return the archive's answers below these folders with their paths, oldest first."""
    if ABSENT:
        return []
    archive = Archive(FOLDER)
    entries, faults = archive.entries()
    assert not faults
    return [(e.path, archive.read(e)) for e in entries if e.path.startswith(prefixes)]


def parse(answer: Answer) -> Parsed:
    """Return what the source of an answer's URL reads out of it."""
    source = discover().for_url(answer.url)
    assert source is not None, f"no source reads {answer.url}"
    return source.parse(answer)


def _recorded(line: dict[str, str]) -> Recorded:
    return Recorded(
        line["path"],
        without_secrets(line["url_shape"]),
        line["source_and_licence"],
        int(line["records"]) if line["records"] else None,
        _span(line["date_span"]),
        line["notable"],
    )


def _span(text: str) -> tuple[dt.date, dt.date] | None:
    first, _, last = text.partition("..")
    days = [_day(first), _day(last)]
    return (days[0], days[1]) if days[0] and days[1] else None


def _day(text: str) -> dt.date | None:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).date()
        except ValueError:
            continue
    return None
