"""The application's edge: problems for every error, health, ids, the log, closed reads."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pyarrow as pa
import pytest
from structlog.testing import capture_logs

from services.api.app import create_app
from shared.errors import ConfigError, Fatal, InvalidRecord, Transient
from shared.settings import Settings
from tests.api import REGISTRY, ScriptedDatabase

MOMENT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
BATCH = pa.RecordBatch.from_arrays(
    [
        pa.array(["GDP"]),
        pa.array([dt.date(2020, 1, 1)]),
        pa.array([1.5]),
        pa.array([MOMENT], pa.timestamp("us", "UTC")),
    ],
    ["series_id", "date", "value", "as_of"],
)
SECRET = "postgresql://user:hunter22@host/database"


@asynccontextmanager
async def client(
    *script: pa.RecordBatch | Exception, **settings: object
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ScriptedDatabase(*script).as_database, REGISTRY, Settings(**settings))
    transport = httpx.ASGITransport(app=app)
    with capture_logs():
        plain = {"Accept-Encoding": "identity"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=plain
        ) as opened:
            yield opened


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert (response.status_code, document["status"]) == (status, status)
    assert document["type"] == f"urn:problem-type:econstream:{code}"
    assert document["title"]
    assert document["detail"]
    assert "Traceback" not in response.text
    assert "hunter22" not in response.text


async def test_a_database_away_is_503_with_retry_after() -> None:
    async with client(Transient(f"{SECRET} is away")) as c:
        for path in ("/v1/data/fred_data", "/v1/data/fred_data?format=csv", "/v1/datasets"):
            response = await c.get(path)
            assert_problem(response, 503, "unavailable")
            assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "error",
    [Fatal(SECRET), ConfigError(SECRET), InvalidRecord("x", SECRET), RuntimeError(SECRET)],
    ids=lambda error: type(error).__name__,
)
async def test_errors_of_ours_are_500_and_tell_nothing(error: Exception) -> None:
    async with client(error) as c:
        for path in ("/v1/data/fred_data", "/v1/data/fred_data?format=csv"):
            assert_problem(await c.get(path), 500, "internal-error")


async def test_a_batch_that_cannot_be_written_has_not_answered_200() -> None:
    wrong = pa.RecordBatch.from_arrays([pa.array(["x"])] * 4, ["a", "b", "c", "d"])
    async with client(wrong) as c:
        assert_problem(await c.get("/v1/data/fred_data?format=csv"), 500, "internal-error")


async def test_what_is_not_there_is_a_problem_too() -> None:
    async with client() as c:
        assert_problem(await c.get("/nothing"), 404, "not-found")
        posted = await c.post("/v1/data/fred_data")
        assert_problem(posted, 405, "method-not-allowed")
        assert posted.headers["allow"] == "GET"
        for path in ("/v1/data/nope", "/v1/datasets/nope"):
            response = await c.get(path)
            assert_problem(response, 404, "unknown-dataset")
            assert "fred_data" in response.json()["detail"]
            assert response.json()["parameter"] == "dataset"


async def test_routes_without_parameters_refuse_them() -> None:
    async with client() as c:
        for path in ("/health", "/health/ready", "/v1/datasets", "/v1/datasets/fred_data"):
            response = await c.get(path, params={"limit": "5"})
            assert_problem(response, 422, "unknown-parameter")
            assert response.json()["parameter"] == "limit"


async def test_wrong_parameters_are_422_and_named() -> None:
    async with client() as c:
        response = await c.get("/v1/data/fred_data?limit=many")
        assert_problem(response, 422, "wrong-parameter")
        assert response.json()["parameter"] == "limit"


async def test_health() -> None:
    async with client(BATCH) as c:
        assert (await c.get("/health")).json() == {"status": "ok"}
        assert (await c.get("/health/ready")).json() == {
            "status": "ready",
            "dependencies": {"database": "ok"},
        }


async def test_readiness_names_what_is_away() -> None:
    async with client(Transient("away")) as c:
        assert (await c.get("/health")).status_code == 200
        response = await c.get("/health/ready")
        assert_problem(response, 503, "unavailable")
        assert response.json()["dependencies"] == {"database": "away"}


async def test_metrics() -> None:
    async with client() as c:
        assert "# TYPE" in (await c.get("/metrics")).text


async def test_reads_are_closed_off_loopback_unless_opened() -> None:
    async with client(BATCH, api_host="192.0.2.1") as c:
        for path in ("/v1/data/fred_data", "/v1/datasets", "/v1/datasets/fred_data"):
            response = await c.get(path)
            assert_problem(response, 401, "key-required")
            assert response.headers["www-authenticate"] == "Bearer"
        assert (await c.get("/health")).status_code == 200
    async with client(BATCH, api_host="192.0.2.1", api_public_read=True) as c:
        assert (await c.get("/v1/data/fred_data")).status_code == 200
    async with client(BATCH, api_public_read=False) as c:
        assert (await c.get("/v1/data/fred_data")).status_code == 401


async def test_each_answer_carries_its_request_id_and_has_a_line_in_the_log() -> None:
    async with client(BATCH) as c:
        with capture_logs() as lines:
            response = await c.get("/v1/data/fred_data?format=csv", headers={"X-Request-Id": "a-1"})
    assert response.headers["x-request-id"] == "a-1"
    assert response.text.startswith("series_id,date,value,as_of\nGDP,2020-01-01,1.5,2024-")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/data/fred_data", 200)
    assert (line["bytes"], line["complete"]) == (len(response.content), True)


async def test_an_id_that_is_not_plain_is_replaced() -> None:
    async with client() as c:
        response = await c.get("/health", headers={"X-Request-Id": "a\tb" * 50})
        assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics"])
async def test_a_probe_has_its_line_for_debugging_only(path: str) -> None:
    async with client() as c:
        with capture_logs() as lines:
            assert (await c.get(path)).status_code == 200
            assert (await c.get("/v1/nowhere")).status_code == 404
    levels = {line["path"]: line["log_level"] for line in lines if line["event"] == "request"}
    assert levels == {path: "debug", "/v1/nowhere": "info"}


async def test_the_documentation_needs_no_other_server() -> None:
    async with client() as c:
        page = (await c.get("/docs")).text
        used = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(used) >= 3
        for address in used:
            assert address.startswith("/"), address
            assert (await c.get(address)).status_code == 200
        assert 'url: "/openapi.json"' in page.replace("'", '"')


async def test_openapi_names_every_parameter_and_problem() -> None:
    async with client() as c:
        document = (await c.get("/openapi.json")).json()
    assert set(document["paths"]) >= {"/health", "/v1/datasets", "/v1/data/{dataset}"}
    operations = [way for path in document["paths"].values() for way in path.values()]
    assert len({way["operationId"] for way in operations}) == len(operations)
    read = document["paths"]["/v1/data/{dataset}"]["get"]
    names = [parameter["name"] for parameter in read["parameters"]]
    assert len(names) == len(set(names))
    filters = {name for dataset in REGISTRY for name in dataset.selectable}
    assert set(names) == {"dataset", "start", "end", "as_of", "fields", "order", "limit"} | {
        *("cursor", "format", "as_of_mode", "release", "revisions", "wide"),
        *filters,
    }
    latest = document["paths"]["/v1/data/{dataset}/latest"]["get"]["parameters"]
    assert {parameter["name"] for parameter in latest} == set(names) - {"revisions", "wide"}
    refreshes = document["paths"]["/v1/refreshes"]["get"]["parameters"]
    assert not {parameter["name"] for parameter in refreshes} & {"as_of", "wide", "release"}
    assert set(read["responses"]["200"]["content"]) == {
        "application/json",
        "text/csv",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.stream",
    }
    assert {"401", "404", "406", "422", "503"} <= set(read["responses"])


async def test_a_stream_needs_an_id_that_was_given_and_a_broker() -> None:
    async with client(BATCH) as c:
        stream = "/v1/data/fred_data/stream"
        for made_up in ("x", "W10", "a" * 10_000):
            response = await c.get(stream, headers={"Last-Event-ID": made_up})
            assert_problem(response, 422, "wrong-parameter")
            assert response.json()["parameter"] == "Last-Event-ID"
        response = await c.get(stream)
        assert_problem(response, 503, "no-broker")
        assert "KAFKA_BOOTSTRAP_SERVERS" in response.json()["detail"]
        assert_problem(await c.get("/v1/data/nothing/stream"), 404, "unknown-dataset")
        assert_problem(await c.get(f"{stream}?since=1"), 422, "unknown-parameter")


async def test_pages_of_other_origins_read_only_where_they_are_named() -> None:
    asked = {"Origin": "https://notebooks.example", "Access-Control-Request-Method": "GET"}
    async with client(BATCH) as c:
        assert (await c.options("/v1/data/fred_data", headers=asked)).status_code == 405
        answer = await c.get("/v1/data/fred_data", headers=asked)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    async with client(BATCH, api_cors_origins="https://notebooks.example") as c:
        asked["Access-Control-Request-Headers"] = "authorization"
        preflight = await c.options("/v1/data/fred_data", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == "https://notebooks.example"
        answer = await c.get("/v1/data/fred_data", headers=asked)
        assert "Link" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
        asked["Origin"] = "https://elsewhere.example"
        assert (await c.options("/v1/data/fred_data", headers=asked)).status_code == 400
        answer = await c.get("/v1/data/fred_data", headers=asked)
        assert "access-control-allow-origin" not in answer.headers
