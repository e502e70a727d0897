"""Asks a running `up` through its loopback door, with the standard library alone."""

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyarrow as pa

from shared.control.claim import Running
from shared.control.values import to_json
from shared.errors import EX_CONFIG, ConfigError, EconstreamError, Fatal, Transient

_ANSWER_SECONDS = 600.0
_PROBLEM_BYTES = 65_536


class Door:
    """The control door of a running `up`; every call blocks and opens a connection of its own."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Return all rows of a reading statement, placeholders $1, $2 …; as `stream` raises."""
        with self.stream(sql, parameters) as reader:
            return reader.read_all()

    @contextmanager
    def stream(
        self, sql: str, parameters: Sequence[Any] = ()
    ) -> Iterator[pa.RecordBatchStreamReader]:
        """Lend a reader of a statement's rows, batch by batch.

        Raises Fatal where the statement is refused (only reading ones are let through),
        Transient where `up` is gone or the answer broke off.
        """
        body = {"sql": sql, "parameters": to_json(parameters)}
        with self._asked("POST", "/query", body) as answer, _translated():
            yield pa.ipc.open_stream(answer)

    def check_schema(self) -> list[str]:
        """Return a line for each difference between declarations and live tables."""
        return self._lines("GET", "/schema")

    def apply_schema(self) -> list[str]:
        """Create what is missing, as `schema apply` does; return what was mended."""
        return self._lines("POST", "/schema")

    def positions(self, reader: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the stored positions of the topics, one object a partition.

        They are those of one `reader` (cluster_id, group_id), or the newest.
        """
        asked = f"?{urlencode(reader)}" if reader else ""
        return self._objects("GET", f"/positions{asked}")

    def reset_offsets(
        self, reader: Mapping[str, str], targets: Sequence[tuple[str, int, int]]
    ) -> list[dict[str, Any]]:
        """Begin an epoch at each (topic, partition, offset); return the positions."""
        return self._objects("POST", "/positions", {**reader, "targets": list(targets)})

    def discard_letters(self, ids: Sequence[int]) -> int:
        """Resolve dead letters without trying them again; return how many were open."""
        with self._asked("POST", "/dead-letters/discard", list(ids)) as answer, _translated():
            return int(json.load(answer))

    def keys(self) -> list[dict[str, Any]]:
        """Return every key of the API, as `keys list --json` prints them."""
        return self._objects("GET", "/keys")

    def create_key(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Make a key of `scopes`, `name`, `datasets` and `expires_at`; return it with its text."""
        with self._asked("POST", "/keys", dict(order)) as answer, _translated():
            made: dict[str, Any] = json.load(answer)
        return made

    def revoke_key(self, identity: str) -> bool:
        """End a key; return whether it was usable until now."""
        with self._asked("POST", "/keys/revoke", identity) as answer, _translated():
            return bool(json.load(answer))

    def _objects(self, method: str, path: str, body: Any = None) -> list[dict[str, Any]]:
        with self._asked(method, path, body) as answer, _translated():
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def _lines(self, method: str, path: str) -> list[str]:
        with self._asked(method, path) as answer, _translated():
            found: list[str] = json.load(answer)
        return found

    @contextmanager
    def _asked(
        self, method: str, path: str, body: Any = None
    ) -> Iterator[http.client.HTTPResponse]:
        place = urlsplit(self._running.control_url)
        connection = http.client.HTTPConnection(
            place.hostname or "127.0.0.1", place.port, timeout=_ANSWER_SECONDS
        )
        headers = {"Authorization": f"Bearer {self._running.token}"}
        payload = None
        if body is not None:
            payload, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            with _translated():
                connection.request(method, path, payload, headers)
                answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise _refusal(answer)
            yield answer
        finally:
            connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, pa.ArrowInvalid) as exc:
        raise Transient(
            f"the running econstream broke off its answer ({exc or type(exc).__name__}): "
            "it is ending, or its log says why"
        ) from exc


def _refusal(answer: http.client.HTTPResponse) -> EconstreamError:
    """Return the error that the other side raised, as its problem document tells it."""
    text = answer.read(_PROBLEM_BYTES)
    try:
        problem = json.loads(text)
        detail, status = str(problem["detail"]), int(problem["exit_status"])
    except (ValueError, TypeError, KeyError):
        return Fatal(f"the control door answered {answer.status}, which no `up` of ours says")
    if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return Transient(detail)
    return ConfigError(detail) if status == EX_CONFIG else Fatal(detail)
