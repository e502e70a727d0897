"""The watchlist: which series, tickers and indices are fetched; a TOML file that people edit."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from shared.errors import ConfigError

Section = Mapping[str, tuple[str, ...] | bool]


@dataclass(frozen=True, slots=True)
class Watchlist:
    """What is watched: a section for each source, lists of names and switches in it."""

    sections: Mapping[str, Section]

    def names(self, source: str, key: str) -> tuple[str, ...]:
        """Return the names in a list, in order and each once; none where there is no list."""
        found = self.sections.get(source, {}).get(key, ())
        return found if isinstance(found, tuple) else ()

    def switch(self, source: str, key: str) -> bool:
        """Return whether a switch is on; it is off where it does not stand."""
        return self.sections.get(source, {}).get(key) is True


def read_watchlist(path: Path) -> Watchlist:
    """Read the watchlist, or the one that ships where there is no such file. Blocks briefly.

    Raises ConfigError that names the file and the place where it is malformed or cannot be read.
    """
    try:
        document = tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the watchlist {path} is not TOML: {exc}") from exc
    sections = {name: _section(path, name, content) for name, content in document.items()}
    return Watchlist(sections)


def shipped() -> str:
    """Return the text of the watchlist that ships."""
    return files(__package__).joinpath("default.toml").read_text(encoding="utf-8")


def add_names(path: Path, source: str, key: str, names: Iterable[str]) -> list[str]:
    """Add names to a list of the watchlist and return those that were new.

    Comments and order are kept; the file is replaced as a whole, or made from the one that ships
    where there is none. Raises ConfigError as reading does, and where it cannot be written. Blocks.
    """
    watched = read_watchlist(path).names(source, key)
    wanted = dict.fromkeys(_checked(path, name) for name in names)
    new = [name for name in wanted if name not in watched]
    if new:
        _rewrite(path, source, key, add=new)
    return new


def remove_names(path: Path, source: str, key: str, names: Iterable[str]) -> list[str]:
    """Remove names from a list of the watchlist and return those that were there.

    Keeps and raises what `add_names` does. Blocks.
    """
    watched = read_watchlist(path).names(source, key)
    gone = [name for name in dict.fromkeys(name.strip() for name in names) if name in watched]
    if gone:
        _rewrite(path, source, key, remove=gone)
    return gone


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return shipped()
    except OSError as exc:
        raise ConfigError(
            f"the watchlist {path} cannot be read ({exc.strerror}): set WATCHLIST to one"
        ) from exc


def _section(path: Path, name: str, content: object) -> Section:
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: {name!r} is no section: lists stand under [fred] and the like")
    return {key: _entry(path, f"{name}.{key}", value) for key, value in content.items()}


def _entry(path: Path, place: str, value: object) -> tuple[str, ...] | bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise ConfigError(f"{path}: {place} must be a list of names, or true or false")
    return tuple(dict.fromkeys(_checked(path, name, place) for name in value))


def _checked(path: Path, name: object, place: str = "a name") -> str:
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip() or len(name) > 200 or not name.isprintable():
        raise ConfigError(f"{path}: {place} must be a text of 1 to 200 characters, not {name!r}")
    return name.strip()


def _rewrite(
    path: Path, source: str, key: str, add: Iterable[str] = (), remove: Sequence[str] = ()
) -> None:
    try:
        document = tomlkit.parse(_text(path))
        if source not in document:
            document[source] = tomlkit.table()
        section = document[source]
        if key not in section:
            section[key] = tomlkit.array().multiline(True)
        names = section[key]
        for name in add:
            names.append(name)
        for name in [kept for kept in names if str(kept).strip() in remove]:
            names.remove(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_name(f"{path.name}.new")
        written.write_text(tomlkit.dumps(document), encoding="utf-8")
        written.replace(path)
    except (OSError, TOMLKitError) as exc:
        raise ConfigError(
            f"the watchlist {path.absolute()} cannot be changed ({exc}): set WATCHLIST to a file "
            "that can be written"
        ) from exc
