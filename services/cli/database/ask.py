"""Asks the database one question and writes the answer down as it comes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from services.cli.database.results import FORMATS
from services.cli.database.store import closing, open_store
from shared.errors import EX_FAILED, Fatal
from shared.settings import Settings


async def ask(settings: Settings, sql: str, form: str, output: Path | None) -> None:
    """Run a query and write its rows to the file, or to standard output, in constant memory.

    A file appears only when it is complete. Raises Fatal where the statement is refused.
    """
    async with open_store(settings, command="query") as store:
        with _opened(output) as out:
            writer = FORMATS[form](out)
            async with closing(store.stream(sql)) as batches:
                async for batch in batches:
                    writer.write(batch)
            writer.close()


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        with _reader_may_leave():
            yield sys.stdout.buffer
            sys.stdout.flush()
        return
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with draft.open("wb") as out:
            yield out
        draft.replace(output)
    except OSError as exc:
        raise Fatal(f"{output} cannot be written ({exc.strerror}): name another file") from exc
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """End quietly where whoever reads our output wants no more of it, as `head` does."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered would be tried again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EX_FAILED) from None
