"""Finds the sources: those of this package and those of installed plugins."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from services.fetcher import sources
from services.fetcher.source import Source, SourceFaultError
from shared.dataset import Dataset
from shared.errors import ConfigError
from shared.plugins import load_plugins
from shared.registry import ENTRY_POINT_GROUP as DATASETS_GROUP
from shared.registry import Registry
from shared.registry import discover as discover_datasets

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
        """Return the source that reads the answers of this URL, or None; also for no URL at all.

        Raises SourceFaultError for a source that cannot say whether it does.
        """
        try:
            urlsplit(url)
        except ValueError:
            return None
        return next((source for source in self if _matches(source, url)), None)


def discover() -> SourceRegistry:
    """Return the registry of all sources, those of installed plugins included.

    Raises ConfigError that names the package of a plugin that cannot be loaded, is no source,
    is declared wrongly, or has a name that is taken.
    """
    registry = SourceRegistry(_built_in())
    for origin, found in load_plugins(ENTRY_POINT_GROUP):
        if not isinstance(found, Source):
            kind = found.__name__ if isinstance(found, type) else type(found).__name__
            raise ConfigError(f"{origin} is {kind}, no instance of services.fetcher.source.Source")
        for complaint in complaints(found, discover_datasets()):
            raise ConfigError(f"{origin}: {complaint}")
        try:
            registry = SourceRegistry([*registry, found])
        except ConfigError as exc:
            raise ConfigError(f"{origin}: {exc}") from exc
    return registry


def _matches(source: Source, url: str) -> bool:
    try:
        return source.matches(url)
    except Exception as exc:  # a source is foreign code, and its answers cannot be told apart
        raise SourceFaultError(
            f"a fault in the source {source.name}, asked whether it reads {url}: {exc!r}; mend "
            "it, or uninstall its package"
        ) from exc


def complaints(source: Source, known: Registry) -> Iterator[str]:
    """Yield what is wrong with a source's declaration; `known` are the datasets there are."""
    for name, kind in _DECLARED.items():
        if not isinstance(getattr(source, name, None), kind):
            yield f"the source declares no `{name}`, or none that is a {kind.__name__}"
            return
    if not _NAME.fullmatch(source.name):
        yield f"{source.name!r}: a source's name is a-z, 0-9, - and _, at most 40 characters"
    if not source.hosts or not all(host and isinstance(host, str) for host in source.hosts):
        yield "`hosts` names the hosts that the source may ask, at least one"
    if not source.datasets or not all(isinstance(d, Dataset) for d in source.datasets):
        yield "`datasets` names the datasets that the source fills, at least one"
        return
    for dataset in source.datasets:
        if known.find(dataset.name) != dataset:
            yield f"the dataset {dataset.name} that it fills is no entry point of {DATASETS_GROUP}"
    if not source.per_second > 0:
        yield "`per_second` is how many requests a second the upstream bears: more than 0"


_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_DECLARED = {"name": str, "hosts": tuple, "datasets": tuple, "watches": str}


def _built_in() -> Iterator[Source]:
    for module in pkgutil.iter_modules(sources.__path__):
        source: Source = importlib.import_module(f"{sources.__name__}.{module.name}").SOURCE
        yield source
