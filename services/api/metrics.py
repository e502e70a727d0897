"""What the API tells Prometheus of requests and streams."""

from starlette.types import Scope

from shared.metrics import API_REQUESTS, API_SECONDS, API_STREAMS, API_STREAMS_DROPPED, instrument

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOWHERE = "unknown"


def count_request(scope: Scope, status: int, seconds: float) -> None:
    """Count an answered request by its route: by the template, never by the path itself.

    A status of 0 is that of a reader who left before there was an answer.
    """
    route = getattr(scope.get("route"), "path", _NOWHERE)
    method = scope["method"] if scope["method"] in _METHODS else _NOWHERE
    instrument(API_REQUESTS).labels(method, route, str(status)).inc()
    instrument(API_SECONDS).labels(method, route).observe(seconds)


def tell_streams(dataset: str, readers: int) -> None:
    """Tell how many readers follow a dataset."""
    instrument(API_STREAMS).labels(dataset).set(readers)


def count_dropped() -> None:
    """Count a reader that took too little, and was let go."""
    instrument(API_STREAMS_DROPPED).inc()
