"""Dead letters as the command line lists, shows, replays and discards them."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, NoReturn

import typer

from services.cli.database.store import Store, open_store, rows_of
from services.cli.output import document, lines, listing, say
from services.cli.records.letter_filter import Filter
from services.cli.session import begin, wait_for
from shared.control import join_broker
from shared.database.letters import decode_headers, replay_record
from shared.errors import EX_FAILED, Fatal, InvalidRecord
from shared.kafka import Producer, connect
from shared.settings import Settings

_LISTED = (
    *("id", "dataset", "partition", "offset", "error_code", "field", "reason"),
    *("attempts", "created_at", "resolved_at", "resolution"),
)
_PAGE_LETTERS, _PAGE_BYTES = 500, 16 << 20
_LARGEST_BYTES = 1 << 30
"""What was taken once is sent again, however large it is: the topic's own limit decides."""


def run_list(chosen: Filter, limit: int, *, as_json: bool) -> NoReturn:
    """Print a line for each letter."""
    settings = begin("dead-letters")
    where, parameters = chosen.where()
    columns = ", ".join(f'"{name}"' for name in _LISTED)
    sql = f"SELECT {columns} FROM dead_letters WHERE {where} ORDER BY id DESC LIMIT {limit:d}"  # noqa: S608 - names of ours

    async def show() -> None:
        async with open_store(settings, command="dead-letters") as store:
            rows = await rows_of(store, sql, parameters)
        listing(_LISTED, [list(row.values()) for row in rows], as_json=as_json)

    wait_for(show)


def run_show(letter: int, *, raw: bool, as_json: bool) -> NoReturn:
    """Print all there is about one letter; raises Fatal where there is none."""
    settings = begin("dead-letters")

    async def show() -> None:
        async with open_store(settings, command="dead-letters") as store:
            found = await rows_of(store, "SELECT * FROM dead_letters WHERE id = $1", [letter])
        if not found:
            raise Fatal(f"there is no dead letter {letter}: `econstream dead-letters list`")
        (row,) = found
        if raw:
            sys.stdout.buffer.write(row["value"] or b"")
            sys.stdout.buffer.flush()
        elif as_json:
            document(_told(row))
        else:
            lines(_told(row).items())

    wait_for(show)


def run_replay(chosen: Filter, *, yes: bool, dry_run: bool, as_json: bool) -> NoReturn:
    """Publish letters again and exit, with 1 where the broker refused one."""
    _require_sure("replay", chosen, sure=yes or dry_run)
    settings = begin("dead-letters")
    if not dry_run:
        settings = join_broker(settings)
    wait_for(lambda: _replay(settings, chosen, yes=yes, dry_run=dry_run, as_json=as_json))


def run_discard(chosen: Filter, *, yes: bool, dry_run: bool, as_json: bool) -> NoReturn:
    """Resolve letters without trying them again."""
    _require_sure("discard", chosen, sure=yes or dry_run)
    settings = begin("dead-letters")

    async def discard() -> None:
        async with open_store(settings, command="dead-letters") as store:
            ids = [row["id"] for row in await _meant(store, chosen)]
            await _confirm("discard", chosen, len(ids), sure=yes or dry_run)
            done = 0 if dry_run else await store.discard_letters(ids)
        _tell("discarded", ids, done, dry_run=dry_run, as_json=as_json)

    wait_for(discard)


async def _replay(
    settings: Settings, chosen: Filter, *, yes: bool, dry_run: bool, as_json: bool
) -> int | None:
    async with open_store(settings, command="dead-letters") as store:
        found = await _meant(store, chosen)
        await _confirm("replay", chosen, len(found), sure=yes or dry_run)
        done = 0
        if not dry_run and found:
            cluster = await connect(settings)
            async with Producer(cluster, max_record_bytes=_LARGEST_BYTES) as producer:
                async for letters in _pages(store, found):
                    done += await _publish(producer, letters)
    ids = [row["id"] for row in found]
    _tell("replayed", ids, done, dry_run=dry_run, as_json=as_json)
    return None if dry_run or done == len(ids) else EX_FAILED


async def _publish(producer: Producer, letters: Sequence[dict[str, Any]]) -> int:
    """Publish letters; return how many the broker took, and say of each other one why not."""
    try:
        return (await producer.publish([replay_record(letter) for letter in letters])).count
    except InvalidRecord:
        done = 0
    for letter in letters:
        try:
            done += (await producer.publish([replay_record(letter)])).count
        except InvalidRecord as exc:
            sys.stderr.write(f"letter {letter['id']}: {exc}\n")
    return done


async def _meant(store: Store, chosen: Filter) -> list[dict[str, Any]]:
    """Return the numbers of the letters that are meant, and how large each is."""
    where, parameters = chosen.where()
    size = "coalesce(octet_length(value), 0)"
    sql = f"SELECT id, {size} AS size FROM dead_letters WHERE {where} ORDER BY id"  # noqa: S608 - names of ours
    return await rows_of(store, sql, parameters)


async def _pages(
    store: Store, found: Sequence[dict[str, Any]]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield whole letters, a bounded number of bytes at a time."""
    page: list[int] = []
    held = 0
    for row in [*found, None]:
        full = row is None or len(page) == _PAGE_LETTERS or held + row["size"] > _PAGE_BYTES
        if page and full:
            where, parameters = Filter(ids=tuple(page)).where()
            yield await rows_of(
                store,
                f"SELECT * FROM dead_letters WHERE {where} ORDER BY id",  # noqa: S608 - names of ours
                parameters,
            )
            page, held = [], 0
        if row is not None:
            page.append(row["id"])
            held += row["size"]


def _require_sure(doing: str, chosen: Filter, *, sure: bool) -> None:
    """Refuse, as wrong usage, to touch many letters where nobody can be asked."""
    if not sure and not chosen.ids and not sys.stdin.isatty():
        raise typer.BadParameter(f"to {doing} letters by a filter, say --yes, or --dry-run first")


async def _confirm(doing: str, chosen: Filter, count: int, *, sure: bool) -> None:
    """Ask before letters are touched that were not named one by one; raises Fatal on a no."""
    if sure or chosen.ids or not count:
        return
    if not await asyncio.to_thread(typer.confirm, f"{doing.capitalize()} {count} letters?"):
        raise Fatal("nothing was changed")


def _tell(doing: str, ids: Sequence[int], done: int, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        document({"letters": list(ids), doing: done, "dry_run": dry_run})
    elif dry_run:
        say(f"{len(ids)} letters would be {doing}: {', '.join(map(str, ids)) or 'none'}")
    else:
        say(f"{done} of {len(ids)} letters {doing}")


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a letter fit to be read: bytes as text where they are, else as base64."""
    told: dict[str, Any] = {}
    for name, value in row.items():
        if name == "headers":
            told[name] = [[header, *_text(given)] for header, given in decode_headers(value)]
        elif isinstance(value, bytes):
            kind, text = _text(value)
            told[name if kind == "text" else f"{name}_base64"] = text
        else:
            told[name] = value
    return told


def _text(value: bytes | None) -> tuple[str, str | None]:
    if value is None:
        return "text", None
    try:
        return "text", value.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(value).decode()
