"""One file a format, and the choice among them by an Accept header."""

from services.api.formats import arrow, csv_rows, json_page, ndjson, parquet
from services.api.formats.base import Encoder, Format, slices

_ALL = (json_page.FORMAT, csv_rows.FORMAT, ndjson.FORMAT, parquet.FORMAT, arrow.FORMAT)

FORMATS = {f.name: f for f in _ALL}
"""The formats by name; the first is the answer to a client that takes anything."""


def negotiate(accept: str) -> Format | None:
    """Return the format that an Accept header prefers, or None where it takes none of them.

    Of types wanted equally the more specific wins, then the one named first (RFC 9110).
    """
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()]
    if not ranges:
        return next(iter(FORMATS.values()))
    best: tuple[float, int, int] | None = None
    chosen = None
    for candidate in FORMATS.values():
        score = _preference(candidate, ranges)
        if score[0] > 0 and (best is None or score > best):
            best, chosen = score, candidate
    return chosen


def _media_range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip() for piece in part.lower().split(";"))
    weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return media, min(max(float(weight), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _preference(candidate: Format, ranges: list[tuple[str, float]]) -> tuple[float, int, int]:
    """Return weight, specificity and earliness of the range that fits the format best."""
    fits = [
        (specificity, -position, weight)
        for position, (media, weight) in enumerate(ranges)
        for accepted in candidate.accepts
        if (specificity := _specificity(media, accepted))
    ]
    if not fits:
        return 0.0, 0, 0
    specificity, earliness, weight = max(fits)
    return weight, specificity, earliness


def _specificity(media: str, accepted: str) -> int:
    if media == accepted:
        return 3
    if media == accepted.split("/")[0] + "/*":
        return 2
    return int(media == "*/*")


__all__ = ["FORMATS", "Encoder", "Format", "negotiate", "slices"]
