"""What a read asks of rows, as conditions of SQL whose values are all parameters."""

from collections.abc import Iterable
from typing import Any

from services.api.reading import Filter, Read
from shared.columns import Kind
from shared.database.sql import listed, quote


class Conditions:
    """The conditions of one statement; parameters are numbered as they come up."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._dataset = read.dataset
        self._parameters: list[Any] = []

    @property
    def values(self) -> tuple[Any, ...]:
        """The parameters so far."""
        return tuple(self._parameters)

    def value(self, value: Any) -> str:
        """Return the placeholder of one more parameter."""
        self._parameters.append(value)
        return f"${len(self._parameters)}"

    def of_key(self, alias: str) -> Iterable[str]:
        """Yield what is asked of the key: filters, bounds of the time, where to begin and end."""
        yield from self._stretched(alias)
        for chosen in self._read.filters:
            if chosen.column.name in self._dataset.key:
                yield self._among(alias, chosen)
        if self._dataset.time in self._dataset.key:
            yield from self._within(alias)
        if self._read.after is not None:
            yield from self._beyond(alias, self._read.after)

    def of_values(self, alias: str) -> Iterable[str]:
        """Yield what is asked of the columns outside the key."""
        for chosen in self._read.filters:
            if chosen.column.name not in self._dataset.key:
                yield self._among(alias, chosen)
        if self._dataset.time not in self._dataset.key:
            yield from self._within(alias)

    def _stretched(self, alias: str) -> Iterable[str]:
        first = f"{alias}.{quote(self._read.key[0].name)}"
        above, most = self._read.stretch
        if above is not None:
            yield f"{first} > {self.value(above)}"
        if most is not None:
            yield f"{first} <= {self.value(most)}"

    def _among(self, alias: str, chosen: Filter) -> str:
        name, values = quote(chosen.column.name), self.value(list(chosen.values))
        if chosen.column.kind is Kind.TEXTS:
            return f"{alias}.{name} @> {values}"
        return f"{alias}.{name} = ANY({values})"

    def _within(self, alias: str) -> Iterable[str]:
        if self._dataset.time is None:
            return
        time = f"{alias}.{quote(self._dataset.time)}"
        if self._read.start is not None:
            yield f"{time} >= {self.value(self._read.start)}"
        if self._read.end is not None:
            yield f"{time} <= {self.value(self._read.end)}"

    def _beyond(self, alias: str, after: tuple[Any, ...]) -> Iterable[str]:
        """Compare whole keys, and the first column alone, which prunes where tuples do not.

        A read of all versions goes on within a row, whose key is then the same.
        """
        sign = "<" if self._read.descending else ">"
        names = [column.name for column in self._read.key]
        if self._read.revisions:
            names, after, sign = names[:-1], after[:-1], f"{sign}="
        marks = [self.value(value) for value in after]
        yield f"{alias}.{quote(names[0])} {sign[0]}= {marks[0]}"
        yield f"({listed(names, alias)}) {sign} ({', '.join(marks)})"
