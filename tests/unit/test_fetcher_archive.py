"""An archive of answers: what is written is read back, in order, whatever way it is compressed."""

import datetime as dt
import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import assume, given
from hypothesis import strategies as st

from services.fetcher.answer import (
    MAX_BODY_BYTES,
    SECRET_PARAMETERS,
    Answer,
    UnreadableAnswer,
    without_secrets,
)
from services.fetcher.archive.folder import Archive, ArchiveWriter
from shared.errors import ConfigError, Transient
from tests.strategies.depth import examples

FETCHED_AT = dt.datetime(2024, 11, 3, 12, tzinfo=dt.UTC)


def answer(body: bytes = b"{}", url: str = "https://example.org/a", minute: int = 0) -> Answer:
    headers = {"etag": '"1"', "set-cookie": "crumb=secret"}
    return Answer(url, 200, headers, body, FETCHED_AT.replace(minute=minute))


def index(folder: Path, *lines: object) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / "index.ndjson").write_text("\n".join(texts) + "\n")


def line(path: str, fetched_at: str = "2024-11-03T12:00:00Z") -> dict[str, object]:
    return {
        "url": "https://example.org/a",
        "path": path,
        "fetched_at": fetched_at,
        "status": 200,
        "headers": {"ETag": "x"},
    }


async def test_what_is_kept_is_read_back_in_order_of_its_time(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "kept")
    for minute in (5, 1, 3):
        await writer.keep(answer(f"body {minute}".encode(), minute=minute))
    archive = Archive(tmp_path / "kept")
    entries, faults = archive.entries()
    read = [archive.read(entry) for entry in entries]
    assert [a.body for a in read] == [b"body 1", b"body 3", b"body 5"]
    assert read[0].fetched_at == FETCHED_AT.replace(minute=1)
    assert read[0].headers == {"etag": '"1"'}
    assert not faults


async def test_the_same_body_is_kept_once(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path)
    await writer.keep(answer(minute=1))
    await writer.keep(answer(minute=2))
    entries, _ = Archive(tmp_path).entries()
    assert len(entries) == 2
    assert len([path for path in (tmp_path / "bodies").rglob("*") if path.is_file()]) == 1


async def test_keys_are_never_kept(tmp_path: Path) -> None:
    url = "https://user:hunter2@example.org/a?series_id=GDP&api_key=hunter2&crumb=hunter2&client_secret=hunter2#x"
    await ArchiveWriter(tmp_path).keep(answer(url=url))
    text = (tmp_path / "index.ndjson").read_text()
    assert "hunter2" not in text
    assert "secret" not in text
    assert Archive(tmp_path).entries()[0][0].url == "https://example.org/a?series_id=GDP"


@examples(100)
@given(
    st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.from_regex(r"[\w|,.%+-]*", fullmatch=True)
)
def test_a_url_without_secrets_stays_as_it_is(name: str, value: str) -> None:
    assume(name not in SECRET_PARAMETERS)
    url = f"https://example.org/a?events=div|split&{name}={value}"
    assert without_secrets(url) == url


@pytest.mark.parametrize(
    ("suffix", "packed"),
    [
        ("", b"body"),
        (".gz", gzip.compress(b"body", mtime=0)),
        (".zst", zstandard.compress(b"bo") + zstandard.compress(b"dy")),
    ],
)
def test_bodies_may_be_plain_or_compressed(tmp_path: Path, suffix: str, packed: bytes) -> None:
    (tmp_path / f"a.json{suffix}").write_bytes(packed)
    index(tmp_path, line(f"a.json{suffix}"))
    archive = Archive(tmp_path)
    (entry,), _ = archive.entries()
    read = archive.read(entry)
    assert (read.body, read.headers) == (b"body", {"etag": "x"})


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("missing.json", None, "cannot be read"),
        ("a.gz", b"not gzip", "cannot be read"),
        ("a.gz", gzip.compress(b"body", mtime=0)[:-4], "cannot be read"),
        ("a.zst", b"not zstd", "cannot be read"),
        ("a.zst", zstandard.compress(bytes(MAX_BODY_BYTES + 1)), "is larger than"),
        ("../outside.json", None, "outside the archive"),
        ("/etc/passwd", None, "outside the archive"),
    ],
)
def test_a_body_that_cannot_be_had_is_named(
    tmp_path: Path, path: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / path).write_bytes(content)
    index(tmp_path, line(path))
    archive = Archive(tmp_path)
    (entry,), _ = archive.entries()
    with pytest.raises(UnreadableAnswer, match=why):
        archive.read(entry)


def test_broken_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    naive = line("a", "2024-11-03T12:00:00")
    index(tmp_path, "{", line("b"), "", "[1]", {"url": "x"}, naive)
    entries, faults = Archive(tmp_path).entries()
    assert [entry.path for entry in entries] == ["b"]
    assert [fault.partition(":")[0] for fault in faults] == [
        "index.ndjson line 1",
        "index.ndjson line 4",
        "index.ndjson line 5",
        "index.ndjson line 6",
    ]


def test_a_folder_without_an_index_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no archive of answers: index\.ndjson"):
        Archive(tmp_path).entries()


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Transient, match="FETCH_ARCHIVE_DIR"):
        await ArchiveWriter(tmp_path / "file").keep(answer())
