"""The commands `keys`: what they ask for, and what they say."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import NoReturn

import typer

from services.cli.access.key_desk import open_desk
from services.cli.output import document, lines, listing, say
from services.cli.session import begin, wait_for
from services.cli.sources.catalogue import find_dataset
from shared.errors import EX_FAILED, EX_OK
from shared.keys import Scope, identity_of
from shared.observability import report
from shared.record import decode_time, encode_time

_SPAN = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST_NAME = 100
_LISTED = (
    *("id", "name", "scopes", "datasets", "state"),
    *("created_at", "expires_at", "revoked_at", "last_used_at"),
)


def run_create(
    scopes: Sequence[Scope], name: str | None, datasets: Sequence[str], expires: str | None,
    *, as_json: bool,
) -> NoReturn:  # fmt: skip
    """Make a key and print it, once."""
    if name is not None and not (name.isprintable() and 0 < len(name) <= _LONGEST_NAME):
        raise typer.BadParameter(f"--name is 1 to {_LONGEST_NAME} printable characters")
    until = read_expiry(expires, dt.datetime.now(dt.UTC)) if expires else None
    order = {
        "scopes": list(dict.fromkeys(scopes)),
        "name": name,
        "datasets": [find_dataset(each).name for each in datasets] or None,
        "expires_at": until and encode_time(until),
    }
    settings = begin("keys")

    async def create() -> None:
        async with open_desk(settings, making=True) as desk:
            made = await desk.create(order)
        if as_json:
            document(made)
            return
        lines(made.items())
        report("the key is shown this once and stored nowhere: keep it now")

    wait_for(create)


def run_list(*, as_json: bool) -> NoReturn:
    """Print a line for each key."""
    settings = begin("keys")

    async def show() -> None:
        async with open_desk(settings) as desk:
            found = await desk.listed()
        listing(_LISTED, [[key[name] for name in _LISTED] for key in found], as_json=as_json)

    wait_for(show)


def run_revoke(identities: Sequence[str], *, as_json: bool) -> NoReturn:
    """End keys and exit, with 1 where one was none that was usable."""
    # Whoever has the whole key at hand may name it by that; it is not repeated.
    wanted = [identity_of(text) or text for text in identities]
    settings = begin("keys")

    async def revoke() -> int:
        async with open_desk(settings) as desk:
            done = {identity: await desk.revoke(identity) for identity in wanted}
        if as_json:
            document({"revoked": [identity for identity, was in done.items() if was]})
        for identity, was in done.items():
            if not was:
                report(
                    f"{identity} is no usable key: `econstream keys list` shows them all",
                    failed=True,
                )
            elif not as_json:
                say(f"{identity} revoked; an API that runs refuses it within 5 s")
        return EX_OK if all(done.values()) else EX_FAILED

    wait_for(revoke)


def read_expiry(text: str, now: dt.datetime) -> dt.datetime:
    """Return when `90d`, `12h` or a moment ends a key; wrong usage where it means nothing."""
    span = _SPAN.fullmatch(text)
    try:
        until = now + dt.timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else decode_time(text)
    except (ValueError, OverflowError) as exc:
        raise typer.BadParameter(
            f"--expires {text!r} is neither a span (30m, 12h, 90d, 4w) nor a moment with its zone "
            "(2027-01-01T00:00:00Z)"
        ) from exc
    if until <= now:
        raise typer.BadParameter(f"--expires {text} is over already")
    return until
