"""What a route shows of a dataset: its columns, its filters and the order of its rows."""

from dataclasses import dataclass

from shared.dataset import Column, Dataset


@dataclass(frozen=True, slots=True)
class View:
    """A dataset as a route shows it.

    fields        names of the columns that an answer has where none are named
    filters       names of the columns that may be filtered by
    order         columns that rows are ordered by, which together name a row
    newest_first  rows come from the end of the order, unless asked otherwise
    """

    dataset: Dataset
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    order: tuple[str, ...]
    newest_first: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of an answer where no fields are named."""
        return tuple(self.dataset.column(name) for name in self.fields)

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns that rows are ordered by."""
        return tuple(self.dataset.column(name) for name in self.order)


def rows_of(dataset: Dataset) -> View:
    """Return a dataset's rows in the order of their key, with the fields and `as_of`."""
    names = tuple(column.name for column in dataset.columns)
    versions = ("as_of",) if dataset.versioned else ()
    return View(dataset, names + versions, dataset.selectable, dataset.key)
