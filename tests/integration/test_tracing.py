"""One trace from the source over the topic to the commit, and requests within their caller's."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import capture_logs

from services.fetcher.app import FetchOrder, run_fetcher
from services.loader.app import load_topics
from shared.database.factory import create_database
from shared.settings import Settings
from shared.tracing import is_tracing, span, traceparent, tracing
from tests.api import api_over

SAMPLES = Path(__file__).parents[2] / "samples"
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Collector:
    """Takes spans by OTLP over HTTP, as a collector does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = ExportTraceServiceRequest.FromString(body)
                for resource in asked.resource_spans:
                    for scope in resource.scope_spans:
                        outer.spans += scope.spans
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def named(self, name: str) -> list[Any]:
        return [each for each in self.spans if each.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


async def test_a_record_is_followed_from_its_source_to_the_commit(
    kafka_settings: Settings, collector: Collector, tmp_path: Path
) -> None:
    settings = kafka_settings.model_copy(
        update={
            "duckdb_path": tmp_path / "traced.duckdb",
            "data_dir": tmp_path,
            "otel_exporter_otlp_endpoint": collector.endpoint,
            "loader_group_id": f"{kafka_settings.kafka_topic_prefix}loader",
        }
    )
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        await run_fetcher(settings, FetchOrder(("CBOE",), replay_dir=SAMPLES), asyncio.Event())
        await load_topics(settings, asyncio.Event(), until_caught_up=True)
    assert not is_tracing()
    topic = f"{settings.kafka_topic_prefix}cboe_vix_history"
    (fetched,) = collector.named("fetch cboe")
    published = collector.named(f"publish {topic}")
    stored = collector.named("store cboe_vix_history")
    assert published and stored
    assert {each.parent_span_id for each in published} == {fetched.span_id}
    ids = {each.span_id for each in published}
    for each in stored:
        assert each.trace_id == fetched.trace_id
        assert each.parent_span_id in ids or {link.span_id for link in each.links} <= ids
    (finished,) = [line for line in logged if line["event"] == "run_finished"]
    assert finished["trace_id"] == fetched.trace_id.hex()
    assert finished["run_id"].startswith("cboe-")


async def test_a_request_is_a_part_of_its_callers_trace(
    collector: Collector, tmp_path: Path
) -> None:
    settings = Settings(duckdb_path=tmp_path / "api.duckdb")
    database = create_database(settings, application="test")
    await database.open()
    with tracing(collector.endpoint, "api"):
        async with api_over(database) as api:
            answer = await api.get("/v1/data/nothing", headers={"traceparent": CALLER})
    await database.close()
    assert answer.status_code == 404
    (request,) = collector.named("GET /v1/data/{dataset}")
    assert request.trace_id.hex() in CALLER and request.parent_span_id.hex() in CALLER


def test_many_parents_are_linked_and_an_error_is_noted_by_its_kind(collector: Collector) -> None:
    other = CALLER.replace("4bf9", "5bf9")
    with tracing(collector.endpoint, "test"), tracing("http://127.0.0.1:1", "within"):
        with pytest.raises(ValueError, match="hunter2"):
            _fail_in_span([CALLER, other, "no traceparent"])
        assert traceparent() is None
    (told,) = collector.named("work")
    assert {link.trace_id.hex() for link in told.links} == {CALLER[3:35], other[3:35]}
    assert "hunter2" not in str(told) and "ValueError" in str(told)


def test_without_a_collector_there_is_nothing_to_do() -> None:
    with tracing(None, "test"), span("work", parents=[CALLER]) as work:
        work.note(rows=1)
        assert traceparent() is None


def _fail_in_span(parents: list[str]) -> None:
    with span("work", parents=parents, rows=3) as work:
        work.note(kind__of="test")
        raise ValueError("hunter2")
