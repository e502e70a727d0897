"""Finds the datasets, built in and from plugins, and refuses two of one name."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from shared import datasets
from shared.dataset import Dataset
from shared.errors import ConfigError
from shared.plugins import load_plugins

ENTRY_POINT_GROUP = "econstream.datasets"


class Registry:
    """The datasets by name; iterates in order of name."""

    def __init__(self, declared: Iterable[Dataset]) -> None:
        self._by_name: dict[str, Dataset] = {}
        self._by_alias: dict[str, Dataset] = {}
        for dataset in sorted(declared, key=lambda d: d.name):
            self._add(dataset.name, dataset, self._by_name)
            if dataset.alias:
                self._add(dataset.alias, dataset, self._by_alias)

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Dataset:
        """Return the dataset of this name; raises KeyError where there is none."""
        return self._by_name[name]

    def find(self, name: str) -> Dataset | None:
        """Return the dataset of this name or alias, or None."""
        return self._by_name.get(name) or self._by_alias.get(name)

    def names(self) -> list[str]:
        """Return the names in order."""
        return list(self._by_name)

    def _add(self, name: str, dataset: Dataset, names: dict[str, Dataset]) -> None:
        if self.find(name):
            raise ConfigError(
                f"two datasets are called {name!r}: rename one, or uninstall its plugin"
            )
        names[name] = dataset


def discover() -> Registry:
    """Return the registry of all datasets, those of installed plugins included.

    Raises ConfigError that names the package of a plugin that cannot be loaded, is no dataset,
    or has a name that is taken.
    """
    registry = Registry(_built_in())
    for origin, found in load_plugins(ENTRY_POINT_GROUP):
        if not isinstance(found, Dataset):
            raise ConfigError(f"{origin} is a {type(found).__name__}, no shared.dataset.Dataset")
        try:
            registry = Registry([*registry, found])
        except ConfigError as exc:
            raise ConfigError(f"{origin}: {exc}") from exc
    return registry


def _built_in() -> Iterator[Dataset]:
    for module in pkgutil.iter_modules(datasets.__path__):
        yield importlib.import_module(f"{datasets.__name__}.{module.name}").DATASET
