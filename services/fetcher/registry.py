"""Finds the sources: those of this package and those of installed plugins."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from urllib.parse import urlsplit

from services.fetcher import sources
from services.fetcher.source import Source
from shared.errors import ConfigError

ENTRY_POINT_GROUP = "econstream.sources"


class SourceRegistry:
    """The sources by name, whatever its case; iterates in order of name."""

    def __init__(self, found: Iterable[Source]) -> None:
        self._by_name: dict[str, Source] = {}
        for source in sorted(found, key=lambda s: s.name):
            if source.name.lower() in self._by_name:
                raise ConfigError(
                    f"two sources are called {source.name!r}: rename one, or uninstall its plugin"
                )
            self._by_name[source.name.lower()] = source

    def __iter__(self) -> Iterator[Source]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def names(self) -> list[str]:
        """Return the names in order."""
        return [source.name for source in self]

    def find(self, name: str) -> Source | None:
        """Return the source of this name, or None."""
        return self._by_name.get(name.lower())

    def select(self, names: Iterable[str] | None) -> list[Source]:
        """Return the named sources, each once; all of them where no name is given.

        Raises ConfigError that names an unknown one and those there are.
        """
        wanted = [name.lower() for name in names or ()]
        unknown = [name for name in wanted if name not in self._by_name]
        if unknown:
            raise ConfigError(
                f"no source is called {', '.join(unknown)}: there are {', '.join(self.names())}"
            )
        return [s for name, s in self._by_name.items() if not wanted or name in wanted]

    def for_url(self, url: str) -> Source | None:
        """Return the source that reads the answers of this URL, or None; also for no URL at all."""
        try:
            urlsplit(url)
        except ValueError:
            return None
        return next((source for source in self if source.matches(url)), None)


def discover() -> SourceRegistry:
    """Return the registry of all sources, those of installed plugins included.

    Raises ConfigError for a duplicate name and for a plugin that cannot be loaded.
    """
    return SourceRegistry([*_built_in(), *_plugins()])


def _built_in() -> Iterator[Source]:
    for module in pkgutil.iter_modules(sources.__path__):
        source: Source = importlib.import_module(f"{sources.__name__}.{module.name}").SOURCE
        yield source


def _plugins() -> Iterator[Source]:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found = point.load()
        except Exception as exc:
            raise ConfigError(f"source plugin {point.value} cannot be loaded: {exc}") from exc
        if not isinstance(found, Source):
            raise ConfigError(f"source plugin {point.value} is no services.fetcher.source.Source")
        yield found
