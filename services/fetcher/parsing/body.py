"""Reads an answer's body as the JSON or text it must be, and says what it is where it is not."""

import json
from typing import Any

import orjson

from services.fetcher.answer import Answer, UnknownNameError, UnreadableAnswer, UpstreamError

_BOM = b"\xef\xbb\xbf"


def data_of(answer: Answer) -> bytes:
    """Return the body of an answer that carries data.

    Raises UpstreamError for an error status or a web page in place of data, and
    UnreadableAnswer for an empty body.
    """
    body = answer.body.removeprefix(_BOM).strip()
    page = body[:1] == b"<"
    if answer.status >= 400:
        words = "" if page or not body else f": {body[:200].decode(errors='replace')}"
        raise UpstreamError(f"HTTP {answer.status}{retry_advice(answer)}{words}")
    if page:
        raise UpstreamError("a web page came in place of data: throttled or blocked, try later")
    if not body:
        raise UnreadableAnswer("the answer is empty")
    return body


def refuse_unknown(answer: Answer, what: str) -> None:
    """Raise UnknownNameError where an upstream of files has none of the name asked for.

    Besides 404 that is how a store of objects says so that lets nobody list it: 403, AccessDenied.
    """
    hidden = answer.status == 403 and b"<Code>AccessDenied</Code>" in answer.body
    if answer.status == 404 or hidden:
        raise UnknownNameError(f"{what} does not exist (HTTP {answer.status})")


def retry_advice(answer: Answer) -> str:
    """Return what the upstream said about asking again, as a half-sentence or nothing."""
    after = answer.headers.get("retry-after")
    return f", retry after {after[:40]}" if after else ""


def json_object(answer: Answer) -> tuple[dict[str, Any], list[str]]:
    """Return the JSON object of a body, whatever the status, and warnings about its form.

    NaN and Infinity, which JSON lacks and some servers send, are read as null with a
    warning. Raises as `data_of` does, and UnreadableAnswer for anything but one object.
    """
    warnings: list[str] = []
    body = answer.body.removeprefix(_BOM).strip()
    if body[:1] != b"{":
        data_of(answer)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        if answer.status >= 400:
            data_of(answer)
        document = _lenient(body)
        warnings.append("NaN or Infinity in JSON, read as null")
    if not isinstance(document, dict):
        raise UnreadableAnswer(f"a JSON object was expected, not a {type(document).__name__}")
    return document, warnings


def _lenient(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError as exc:
        raise UnreadableAnswer("the JSON is nested too deep") from exc
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        cut = not body.endswith((b"}", b"]"))
        raise UnreadableAnswer(f"{'truncated' if cut else 'malformed'} JSON: {exc}") from exc


def _finite(text: str) -> float | None:
    figure = float(text)
    return figure if figure - figure == 0 else None
