"""What may be asked of versions together, and of a table laid wide."""

from services.api.parameters import Given
from services.api.problems import wrong_parameter
from services.api.read import Read, Release
from shared.columns import Column, Kind

_LAID = (Kind.FLOAT, Kind.BIGINT, Kind.INTEGER, Kind.BOOLEAN, Kind.TEXT, Kind.DATE, Kind.TIMESTAMP)


def spans() -> tuple[Column, ...]:
    """Return the columns that tell in which span a version was known."""
    return (
        Column("known_from", Kind.TIMESTAMP, "when this version became known", nullable=False),
        Column("known_until", Kind.TIMESTAMP, "when the next one did; null for the last"),
    )


def check_versions(read: Read, given: Given) -> None:
    """Raise Problem (422) for what cannot be asked together."""
    if "as_of_mode" in given and read.as_of is None:
        raise wrong_parameter("as_of_mode", "it says how as_of is meant: give as_of")
    if read.assumed and read.dataset.known_at is None:
        reason = f"{read.dataset.name} declares no time at which rows must have been known"
        raise wrong_parameter("as_of_mode", reason, allowed=["strict"])
    for name, wanted in (("as_of_mode", read.assumed), ("release", read.release is Release.FIRST)):
        if read.revisions and wanted:
            raise wrong_parameter(name, "revisions=true answers with every version observed")


def wide_value(read: Read, *, named: bool) -> Column:
    """Return the column that a wide answer holds: the one named, or the only one there is.

    Raises Problem (422) where there are several, where rows are told apart by more than
    entity and time, and where each key has several rows.
    """
    dataset = read.dataset
    if read.revisions:
        raise wrong_parameter("wide", "revisions=true has several values for one time")
    fixed = {f.column.name for f in read.filters if len(set(f.values)) == 1}
    loose = [n for n in dataset.key if n not in fixed | {dataset.entity, dataset.time}]
    if loose:
        raise wrong_parameter("wide", f"filter by one value of {', '.join(loose)}")
    laid = [c for c in dataset.values if c.kind in _LAID]
    chosen = [c for c in read.columns if c.name not in dataset.key] if named else laid
    if len(chosen) != 1 or chosen[0].kind not in _LAID:
        allowed = [c.name for c in laid]
        raise wrong_parameter("fields", "a wide answer holds one column: name it", allowed=allowed)
    return chosen[0]
