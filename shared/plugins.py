"""Loads what installed packages add by entry points, and names the package that is at fault."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from shared.errors import ConfigError


def load_plugins(group: str) -> Iterator[tuple[str, Any]]:
    """Yield each plugin of a group: what names it to a person, and the object itself.

    In order of name. Raises ConfigError that names the package where one cannot be loaded:
    what a package promises and does not give is never passed over in silence.
    """
    for point in sorted(entry_points(group=group), key=lambda p: (p.name, p.value)):
        origin = _origin(point)
        try:
            found = point.load()
        except (Exception, SystemExit) as exc:
            raise ConfigError(
                f"{origin} cannot be loaded ({type(exc).__name__}: {exc}): mend the package, "
                "or uninstall it"
            ) from exc
        yield origin, found


def _origin(point: EntryPoint) -> str:
    package = f"package {point.dist.name} {point.dist.version}" if point.dist else "a package"
    return f"{package}: {point.group} {point.name} = {point.value}"
