"""An archive of answers: every raw body kept with its request and time, and read again."""

import asyncio
import datetime as dt
import fcntl
import gzip
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import orjson
import zstandard

from services.fetcher.answer import MAX_BODY_BYTES, Answer, UnreadableAnswer, without_secrets
from shared.errors import ConfigError, Transient
from shared.record import decode_time, encode_time

INDEX = "index.ndjson"
_NEVER_KEPT = frozenset({"authorization", "cookie", "set-cookie"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an archive's index: an answer without its body."""

    url: str
    path: str
    status: int
    headers: dict[str, str]
    fetched_at: dt.datetime


class Archive:
    """An archive that is read: a folder with an index and the bodies it names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> tuple[list[Entry], list[str]]:
        """Return the answers in order of `fetched_at`, and what is wrong with which line. Blocks.

        Raises ConfigError where there is no index.
        """
        index = self._folder / INDEX
        entries: list[Entry] = []
        faults: list[str] = []
        try:
            with index.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        entries.extend(_entry(line))
                    except ValueError as exc:
                        faults.append(f"{INDEX} line {number}: {exc}")
        except OSError as exc:
            raise ConfigError(
                f"{self._folder} is no archive of answers: {INDEX} cannot be read ({exc.strerror})"
            ) from exc
        entries.sort(key=lambda entry: entry.fetched_at)
        return entries, faults

    def read(self, entry: Entry) -> Answer:
        """Return the answer of an entry with its body decompressed. Blocks.

        Raises UnreadableAnswer where the body is missing, broken or too large.
        """
        relative = PurePosixPath(entry.path)
        if relative.is_absolute() or ".." in relative.parts:
            raise UnreadableAnswer(f"{entry.path} lies outside the archive")
        try:
            with (self._folder / relative).open("rb") as raw, _plain(raw, relative.suffix) as body:
                content = body.read(MAX_BODY_BYTES + 1)
        except (OSError, EOFError, zstandard.ZstdError) as exc:
            raise UnreadableAnswer(f"{entry.path} cannot be read: {exc}") from exc
        if len(content) > MAX_BODY_BYTES:
            raise UnreadableAnswer(f"{entry.path} is larger than {MAX_BODY_BYTES} bytes")
        return Answer(entry.url, entry.status, entry.headers, content, entry.fetched_at)


class ArchiveWriter:
    """Keeps answers in a folder: bodies by their hash, compressed; the index is only added to.

    Several writers may share a folder, in one process or many.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, answer: Answer) -> None:
        """Keep an answer; when this returns it is on disk. Cancelling leaves a whole archive.

        Raises Transient where the folder cannot be written.
        """
        try:
            await asyncio.to_thread(self._keep, answer)
        except OSError as exc:
            raise Transient(
                f"the archive {self._folder} cannot be written ({exc.strerror}): "
                "free space or set FETCH_ARCHIVE_DIR elsewhere"
            ) from exc

    def _keep(self, answer: Answer) -> None:
        digest = hashlib.sha256(answer.body).hexdigest()
        path = f"bodies/{digest[:2]}/{digest[2:]}.zst"
        body = self._folder / path
        body.parent.mkdir(parents=True, exist_ok=True)
        if not body.exists():
            _write_whole(body, zstandard.ZstdCompressor(level=9).compress(answer.body))
        headers = {k: v for k, v in answer.headers.items() if k not in _NEVER_KEPT}
        line = {
            "url": without_secrets(answer.url),
            "path": path,
            "fetched_at": encode_time(answer.fetched_at),
            "status": answer.status,
            "headers": headers,
        }
        with (self._folder / INDEX).open("ab") as index:
            fcntl.flock(index, fcntl.LOCK_EX)
            index.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            index.flush()
            os.fsync(index.fileno())


def _write_whole(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _entry(line: bytes) -> Iterator[Entry]:
    if not line.strip():
        return
    try:
        fields: dict[str, Any] = orjson.loads(line)
        headers = {str(k).lower(): str(v) for k, v in (fields.get("headers") or {}).items()}
        moment = decode_time(fields["fetched_at"])
        yield Entry(str(fields["url"]), str(fields["path"]), int(fields["status"]), headers, moment)
    except KeyError as exc:
        raise ValueError(f"{exc} is missing") from exc
    except (TypeError, AttributeError) as exc:
        raise ValueError(f"no line of an index: {exc}") from exc


def _plain(raw: BinaryIO, suffix: str) -> BinaryIO | io.BufferedIOBase | Any:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=raw)
    if suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
    return raw
