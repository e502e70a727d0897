"""Finds the services that tests need, in a stated order, and remembers what was passed over."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field


class UnavailableError(Exception):
    """This way to a service is closed here; the text says why in a few words."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service: its address, what it is, and whether it is the real thing."""

    address: str
    description: str
    real: bool = True
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        """One clause for the closing line."""
        over = f" (not {'; not '.join(self.passed_over)})" if self.passed_over else ""
        return f"{self.description}{over}"


Way = Callable[[ExitStack], Service]


def find(ways: Sequence[tuple[str, Way]], closing: ExitStack) -> Service:
    """Return the first service that one of the ways gives; `closing` ends it.

    Raises UnavailableError with every reason where none does.
    """
    passed_over: list[str] = []
    for name, way in ways:
        try:
            found = way(closing)
        except UnavailableError as exc:
            passed_over.append(f"{name}: {exc}")
        else:
            return Service(found.address, found.description, found.real, tuple(passed_over))
    raise UnavailableError("; ".join(passed_over))
