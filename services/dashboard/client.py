"""The API as the dashboard reads it: tables with the address that made them, or what is wrong."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pandas as pd
import pyarrow as pa

from shared.errors import ConfigError, Fatal, Transient

_SECONDS = httpx.Timeout(30.0, connect=3.0)
_STREAM_SECONDS = httpx.Timeout(40.0, connect=3.0)

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A table of the API: `frame` with dates as pandas' own, and what was asked for it.

    url  the address that gives it, as readers reach it
    """

    frame: pd.DataFrame
    url: str
    path: str
    parameters: Parameters


class Api:
    """Reads the API at `url`, which readers know as `shown`; one for all threads of the process.

    Raises Transient while the API is away or its database is, ConfigError where it wants a
    key that it has not been given, Fatal where it refuses for another reason.
    """

    def __init__(self, url: str, key: str | None = None, shown: str | None = None) -> None:
        self.url = url
        self._shown = (shown or url).rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=self._headers, timeout=_SECONDS)

    def address(self, path: str, parameters: Parameters) -> str:
        """Return the address of an answer as readers reach it, without its format."""
        asked = urlencode(parameters, safe=",:^=")
        return f"{self._shown}{path}?{asked}" if asked else f"{self._shown}{path}"

    def table(self, path: str, parameters: Parameters) -> Answer:
        """Return the whole answer as a table; blocks."""
        body = self.download(path, parameters, "arrow")
        table = pa.ipc.open_stream(body).read_all()
        frame = table.to_pandas(date_as_object=False)
        return Answer(frame, self.address(path, parameters), path, parameters)

    def download(self, path: str, parameters: Parameters, form: str) -> bytes:
        """Return the whole answer in one of the API's formats; blocks."""
        return self._asked("GET", path, {**parameters, "format": form}).content

    def document(self, path: str, parameters: Parameters | None = None, key: str = "") -> Any:
        """Return an answer in JSON; `key` is sent in place of the dashboard's own. Blocks."""
        return json.loads(self._asked("GET", path, parameters or {}, key).content)

    def order(self, method: str, path: str, key: str) -> None:
        """Have something done that wants this key; blocks."""
        self._asked(method, path, {}, key)

    def answers(self) -> bool:
        """Return whether the API is there; blocks three seconds at most."""
        try:
            return self._http.get("/health", timeout=3.0).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    @contextmanager
    def stream(self, dataset: str, after: str) -> Iterator[Iterator[str]]:
        """Give the lines of a dataset's event stream, from behind the id `after` on; blocks."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        path = f"/v1/data/{dataset}/stream"
        with (
            _translated(self.url),
            self._http.stream("GET", path, headers=headers, timeout=_STREAM_SECONDS) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_lines()

    def _asked(
        self, method: str, path: str, parameters: Parameters, key: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with _translated(self.url):
            answer = self._http.request(method, path, params=dict(parameters), headers=headers)
        if answer.is_success:
            return answer
        raise _refusal(answer)


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as exc:
        raise Transient(
            f"The API at {url} does not answer. Start it with `econstream up`, or set "
            "DASHBOARD_API_URL to where it is."
        ) from exc


def _refusal(answer: httpx.Response) -> Exception:
    """Return the error that a problem document asks for."""
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"it answered {answer.status_code}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return ConfigError(
            f"The API wants a key ({detail}). Make one with `econstream keys create --scope read` "
            "and set DASHBOARD_API_KEY."
        )
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Transient(f"The API cannot answer now: {detail}")
    return Fatal(f"The API refuses: {detail}")
