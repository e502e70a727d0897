"""What was refused: seen, tried again, or let go; for administrators."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from services.api.letters import DeadLetters
from services.api.parameters import MOMENT, items_of, no_parameters
from services.api.problems import described, wrong_parameter
from services.api.queries import Letters
from services.api.values import read_flag, read_moment_or_day
from shared.columns import INT64_MAX
from shared.registry import Registry

MAX_LIMIT = 1_000
_LIMIT = 100
_PARAMETERS = {
    "dataset": ("letters of one dataset", {"type": "string"}),
    "error_code": ("letters with one fault, by its stable name", {"type": "string"}),
    "start": ("put here at or after this day or moment", MOMENT),
    "end": ("put here at or before this day or moment", MOMENT),
    "resolved": ("those that were stored or discarded", {"type": "boolean", "default": False}),
    "limit": ("letters", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100}),
    "cursor": ("`next_cursor` of the page before", {"type": "string"}),
}
_DOCUMENTED = [
    {"name": name, "in": "query", "description": description, "schema": schema}
    for name, (description, schema) in _PARAMETERS.items()
]
_EXAMPLE = {
    "id": 17,
    "cluster_id": "MkU3OEVBNTcwNTJENDM2Qk",
    "topic": "econ.fred_data",
    "partition": 0,
    "offset": 4711,
    "dataset": "fred_data",
    "message_timestamp": "2026-01-02T08:00:00.000000Z",
    "as_of": None,
    "error_code": "missing_field",
    "reason": "value: the field is not there",
    "field": "value",
    "attempts": 1,
    "created_at": "2026-01-02T08:00:00.412000Z",
    "resolved_at": None,
    "resolution": None,
}
_BYTES = {"key": "GDP", "value": '{"series_id":"GDP","date":"2008-07-01"}', "headers": []}
_PLACE = {"id": 17, "topic": "econ.fred_data", "partition": 0, "offset": 4712}
_ERRORS = described(401, 403, 404, 409, 422, 429, 503)

Letter = Annotated[int, Path(ge=1, le=INT64_MAX, description="number of the letter")]


def dead_letter_routes(registry: Registry, letters: DeadLetters) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["administration"])
    bare = [Depends(no_parameters)]

    @router.get(
        "",
        operation_id="listDeadLetters",
        summary="Dead letters, the newest first",
        description="Open ones, or with `resolved=true` those that are not; without their bytes.",
        responses={**_json({"data": [_EXAMPLE], "next_cursor": None}), **_without(404, 409)},
        openapi_extra={"parameters": _DOCUMENTED},
    )
    async def listed(request: Request) -> dict[str, Any]:
        chosen, limit = read_letters(registry, items_of(request))
        rows, after = await letters.page(chosen, limit)
        return {"data": rows, "next_cursor": None if after is None else str(after)}

    @router.get(
        "/{letter}",
        operation_id="getDeadLetter",
        summary="One dead letter with its bytes, as text or, where they are none, as base64",
        responses={**_json(_EXAMPLE | _BYTES), **_without(409)},
        dependencies=bare,
    )
    async def letter(letter: Letter) -> dict[str, Any]:
        return await letters.whole(letter)

    @router.post(
        "/{letter}/replay",
        status_code=202,
        operation_id="replayDeadLetter",
        summary="Publish its record again; it is resolved once that is stored",
        responses={**_json(_PLACE, 202), **_ERRORS},
        dependencies=bare,
    )
    async def replay(letter: Letter) -> dict[str, Any]:
        return await letters.replay(letter)

    @router.delete(
        "/{letter}",
        status_code=204,
        operation_id="discardDeadLetter",
        summary="Resolve it without trying it again; what is kept of it stays",
        responses={204: {"description": "it is discarded"}, **_ERRORS},
        dependencies=bare,
    )
    async def discard(letter: Letter) -> Response:
        await letters.discard(letter)
        return Response(status_code=204)

    return router


def read_letters(registry: Registry, items: list[tuple[str, str]]) -> tuple[Letters, int]:
    """Return which letters a query asks for, and how many; raises Problem (422)."""
    given: dict[str, str] = {}
    for name, text in items:
        if name not in _PARAMETERS:
            reason = "dead letters take no such parameter"
            raise wrong_parameter(name, reason, code="unknown-parameter", allowed=_PARAMETERS)
        if name in given:
            raise wrong_parameter(name, "given more than once")
        given[name] = text
    parsed: dict[str, Any] = {}
    for name, text in given.items():
        try:
            parsed[name] = _value(registry, name, text)
        except ValueError as exc:
            raise wrong_parameter(name, str(exc)) from exc
    limit: int = parsed.pop("limit", _LIMIT)
    if "cursor" in parsed:
        parsed["before"] = parsed.pop("cursor")
    return Letters(**parsed), limit


def _value(registry: Registry, name: str, text: str) -> Any:
    if name == "resolved":
        return read_flag(text)
    if name in ("start", "end"):
        return read_moment_or_day(text, end=name == "end")
    if name in ("limit", "cursor"):
        most = MAX_LIMIT if name == "limit" else INT64_MAX
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= most):
            raise ValueError(f"{text[:20]!r} is not a whole number from 1 to {most}")
        return int(text)
    if name == "dataset":
        found = registry.find(text)
        if found is None:
            raise ValueError(f"there is no dataset {text[:60]!r}; {', '.join(registry.names())}")
        return found.name
    if "\0" in text:
        raise ValueError("a text cannot hold NUL")
    return text


def _json(example: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {status: {"description": "as it stands", "content": content}}


def _without(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: told for status, told in _ERRORS.items() if status not in statuses}
