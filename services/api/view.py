"""What a route shows of a dataset: its columns, its filters and the order of its rows."""

from dataclasses import dataclass, replace

from shared.dataset import Column, Dataset


@dataclass(frozen=True, slots=True)
class View:
    """A dataset as a route shows it.

    fields        names of the columns that an answer has where none are named
    filters       names of the columns that may be filtered by
    order         columns that rows are ordered by, which together name a row
    newest_first  rows come from the end of the order, unless asked otherwise
    newest        of each entity the newest row alone
    choices       names of the parameters it takes besides those that every view takes
    """

    dataset: Dataset
    fields: tuple[str, ...]
    filters: tuple[str, ...]
    order: tuple[str, ...]
    newest_first: bool = False
    newest: bool = False
    choices: tuple[str, ...] = ()

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
    choices = ("as_of", "as_of_mode", "release", "revisions") if dataset.versioned else ()
    wide = ("wide",) if dataset.time in dataset.key else ()
    return View(dataset, names + versions, dataset.selectable, dataset.key, choices=choices + wide)


def latest_of(dataset: Dataset) -> View:
    """Return the newest row of each of a dataset's entities, in their order."""
    view = rows_of(dataset)
    choices = tuple(name for name in view.choices if name not in ("revisions", "wide"))
    return replace(view, order=(dataset.entity,), newest=True, choices=choices)
