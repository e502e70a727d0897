"""Rows posted as a program posts them, over real Kafka into each database and back."""

import asyncio
import gzip
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.api.ingest import stored
from shared.keys import Scope
from tests.api import bearer, give_key, observations
from tests.posting import FRED, ROW, Door, loaded, serving


async def test_rows_are_published_stored_and_read_back(door: Door) -> None:
    rows = observations("MY_INDEX", [1.0, None, 2.5])
    lines = [json.dumps(row) for row in rows]
    lines[1:1] = ['{"series_id": "MY_INDEX", "date": "2026-13-01", "value": 1}', "nonsense", ""]
    lines.append('{"series_id": "MY_INDEX", "date": "2026-01-02", "value": 1, "more": 2}')
    async with loaded(door):
        answer = await door.post(
            gzip.compress("\n".join(lines).encode()),
            f"{FRED}?wait=stored&as_of=2026-02-03T04:05:06Z",
            **{"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"},
        )
        document = answer.json()
        assert (answer.status_code, document["stored"]) == (202, True), document
        read = await door.client.get(
            "/v1/data/fred_data?fields=series_id,date,value,as_of,source&series_id=MY_INDEX"
        )
    assert document["accepted"] == 3
    assert [(r["index"], r["field"]) for r in document["rejected"]] == [
        (1, "date"), (2, None), (5, "more"),
    ]  # fmt: skip
    assert all(r["reason"] for r in document["rejected"])
    told = {"as_of": "2026-02-03T04:05:06.000000Z", "source": "tests"}
    assert read.json()["data"] == [row | told for row in rows]
    records = await door.records()
    assert [json.loads(r.value or b"") for r in records] == rows
    assert records[0].key == b"MY_INDEX"
    assert b" " not in (records[0].value or b" "), "what is published is canonical"
    headers = dict(records[0].headers)
    assert headers["as_of"] == b"2026-02-03T04:05:06.000000Z"
    assert headers["run_id"].decode() == answer.headers["x-request-id"]
    topic = f"{door.settings.kafka_topic_prefix}fred_data"
    assert document["topic"] == topic
    assert document["offsets"] == {str(records[0].partition): 2}


async def test_a_repeated_request_is_published_once_also_by_another_process(door: Door) -> None:
    rows = [*observations("ONCE", [1.0, 2.0]), {"wrong": 1}]
    first = await door.post(rows, **{"Idempotency-Key": '"once-1"'})
    again = await door.post(rows, **{"Idempotency-Key": "once-1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    async with serving(door.settings, door.database) as other:
        other.client.headers.update(bearer(door.key))
        elsewhere = await other.post(rows, **{"Idempotency-Key": "once-1"})
        assert elsewhere.json() == first.json()
        for body, path in ((rows[:1], FRED), (rows, f"{FRED}?as_of=2026-01-01")):
            changed = await other.post(body, path, **{"Idempotency-Key": "once-1"})
            assert changed.status_code == 422, path
            assert "idempotency-key-reused" in changed.json()["type"]
        # Wrong rows claim nothing: mended, they go under the same key.
        assert (await other.post([{}], **{"Idempotency-Key": "two"})).status_code == 422
        assert (await door.post(rows, **{"Idempotency-Key": "two"})).status_code == 202
    assert len(await door.records()) == 4
    together = await asyncio.gather(
        *(door.post(rows, **{"Idempotency-Key": "at once"}) for _ in range(5))
    )
    assert {answer.status_code for answer in together} == {422}, "a blank is no visible character"
    together = await asyncio.gather(
        *(door.post(rows, **{"Idempotency-Key": "at-once"}) for _ in range(5))
    )
    assert {answer.text for answer in together} == {together[0].text}
    assert len(await door.records()) == 6


async def test_a_request_that_died_half_way_is_stored_once(
    post: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are on the topic, and nobody remembers that they were acknowledged."""
    rows = observations("HALF", [1.0, 2.0])

    async def die(*_: Any) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as patched, capture_logs():
        patched.setattr("services.api.ingest.repeats.Attempt.done", die)
        assert (await post.post(rows, **{"Idempotency-Key": "half"})).status_code == 500
    newer = [rows[0] | {"value": 9.0}]
    async with serving(post.settings, post.database) as other, loaded(post):
        other.client.headers.update(bearer(post.key))
        monkeypatch.setattr("services.api.ingest.repeats.ALONE_SECONDS", 3600.0)
        in_progress = await other.post(rows, **{"Idempotency-Key": "half"})
        assert (in_progress.status_code, in_progress.headers["retry-after"]) == (409, "5")
        assert (await other.post(newer, f"{FRED}?wait=stored")).json()["stored"]
        monkeypatch.setattr("services.api.ingest.repeats.ALONE_SECONDS", 0.0)
        again = await other.post(rows, f"{FRED}?wait=stored", **{"Idempotency-Key": "half"})
        assert (again.status_code, again.json()["stored"]) == (202, True)
        versions = await post.database.fetch(
            "SELECT date, value FROM fred_data_versions ORDER BY date, known_from"
        )
    assert [row["value"] for row in versions.to_pylist()] == [1.0, 9.0, 2.0]
    assert len(await post.records()) == 5, "the repetition was published, with the same as_of"


async def test_a_key_opens_its_own_dataset_and_rows_wait_for_the_store_within_a_bound(
    post: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "WAIT_SECONDS", 0.2)
    unstored = await post.post(ROW, f"{FRED}?wait=stored")
    assert (unstored.status_code, unstored.json()["stored"]) == (202, False)
    mine = await give_key(post.database, Scope.INGEST, datasets=["fred_data"])
    for path, status in ((FRED, 202), (FRED + "_data", 202), ("/v1/data/ingest/yfinance", 403)):
        assert (await post.post(ROW, path, **bearer(mine))).status_code == status
    assert (await post.client.get("/v1/data/fred_data", headers=bearer(mine))).status_code == 403
    assert {dict(r.headers)["source"] for r in await post.records()} == {
        b"tests",
        mine[:15].encode(),
    }


async def test_a_broker_that_is_away_gets_503_and_nothing_is_pretended(
    post: Door, unused_tcp_port: int
) -> None:
    for servers in (f"127.0.0.1:{unused_tcp_port}", None):
        settings = post.settings.model_copy(update={"kafka_bootstrap_servers": servers})
        async with serving(settings, post.database) as door:
            for headers in ({}, {"Idempotency-Key": "away"}):
                answer = await door.post(ROW, **headers)
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                assert "Traceback" not in answer.text
            assert (await door.client.get("/v1/data/fred_data")).status_code == 200


async def test_a_planted_secret_is_in_no_log_and_no_answer(post: Door) -> None:
    secret = "planted-1f0c9d"
    with capture_logs() as lines:
        answers = [
            await post.post({"series_id": secret, "date": secret, "value": secret, secret: 1}),
            await post.post(f'["{secret}"'),
            await post.post(ROW, Authorization=f"Bearer {secret}"),
            await post.post(ROW, Authorization=f"Bearer {post.key}{secret}"),
            await post.client.get(f"/v1/datasets?{secret}={secret}", headers={"Cookie": secret}),
        ]
    assert [answer.status_code for answer in answers] == [422, 422, 401, 401, 422]
    told = json.dumps(lines, default=str)
    assert secret not in told and post.key[16:] not in told
    # A name that was sent is told to its sender; a value never is.
    assert all(secret not in answer.text for answer in answers[1:4])
    assert all(post.key[16:] not in answer.text for answer in answers)
    values = answers[0].text.replace(f'"field":"{secret}"', "")
    assert secret not in values
