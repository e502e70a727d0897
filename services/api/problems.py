"""Errors as RFC 9457 problem documents: what went wrong, with which parameter, what is allowed."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5


class Problem(Exception):
    """A request that cannot be answered; becomes a problem document.

    `code` is stable and machine readable; `members` are the document's own extensions.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self, instance: str) -> Response:
        """Return the document as an answer; `instance` is the path that was asked."""
        document = {
            "type": f"urn:problem-type:econstream:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.members,
        }
        return Response(orjson.dumps(document), self.status, self.headers, MEDIA_TYPE)


def wrong_parameter(
    name: str, reason: str, *, code: str = "wrong-parameter", allowed: Iterable[str] = ()
) -> Problem:
    """Return the 422 that names a parameter, what is wrong with it and what is allowed."""
    choices = list(allowed)
    members: dict[str, Any] = {"parameter": name} | ({"allowed": choices} if choices else {})
    advice = f"; allowed: {', '.join(choices)}" if choices else ""
    return Problem(422, code, f"{name}: {reason}{advice}", **members)


def unknown_dataset(name: str, known: Iterable[str]) -> Problem:
    """Return the 404 that names the datasets there are."""
    names = list(known)
    return Problem(
        404,
        "unknown-dataset",
        f"there is no dataset {name!r}; known: {', '.join(names)}",
        parameter="dataset",
        allowed=names,
    )


def unavailable(what: str, **members: Any) -> Problem:
    """Return the 503 of something that is away and will be back."""
    return Problem(
        503,
        "unavailable",
        f"{what}: try again in {RETRY_SECONDS} s",
        {"Retry-After": str(RETRY_SECONDS)},
        **members,
    )


SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "description": "stable name of the problem, a URN"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what happened and what to do"},
        "instance": {"type": "string", "description": "the path that was asked"},
        "parameter": {"type": "string", "description": "the parameter at fault"},
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "what it may be",
        },
    },
}
"""The document in OpenAPI."""


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's `responses` for these statuses."""
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in statuses}
