"""Upstreams that go wrong in every way at once, through the fetcher and a real broker."""

import io
import shutil
import traceback
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import zstandard
from pydantic import SecretStr

from shared.errors import EconstreamError
from shared.kafka import Cluster
from shared.observability import configure_logging
from shared.settings import Settings
from tests.integration.misbehaving import misbehaving, self_signed
from tests.integration.misfortunes import GOOD, misfortunes
from tests.integration.upstreams import (
    COOKIE,
    HEADER_SECRET,
    SECRET,
    WELL,
    Fetching,
    Upstreams,
    client,
    fetching_from,
)


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    async with misbehaving() as plain, misbehaving(self_signed(tmp_path)) as encrypted:
        yield Upstreams(plain, encrypted, misfortunes())


@pytest.fixture
async def fetching(
    cluster: Cluster, kafka_settings: Settings, upstreams: Upstreams, tmp_path: Path
) -> AsyncIterator[Fetching]:
    async with fetching_from(upstreams, cluster, kafka_settings, tmp_path) as runs:
        yield runs


async def test_bad_answers_publish_nothing_move_nothing_and_delay_nobody(
    fetching: Fetching, upstreams: Upstreams
) -> None:
    log = io.StringIO()
    configure_logging("DEBUG", "json", "fetcher", [SecretStr(SECRET)], log)
    upstreams.be_well(b"1", '"before"')
    await fetching.run()
    before = await fetching.remembered()
    # Whose certificate nobody vouches for was never well.
    mended = {name for name, fault in upstreams.wrong.items() if not fault.encrypted}
    assert await fetching.series() == dict.fromkeys((*mended, *WELL), 1)

    upstreams.be_well(GOOD, '"after"')
    upstreams.go_wrong()
    report = await fetching.run()

    after = await fetching.remembered()
    logged = {run.source: run for run in report.runs}
    assert await fetching.series() == dict.fromkeys(mended, 1) | dict.fromkeys(WELL, 4)
    assert {name: after[name] for name in upstreams.wrong} == {
        name: before[name] for name in upstreams.wrong
    }
    assert all(after[name] != before[name] for name in WELL)
    written = {row["run_id"]: row for row in await fetching.rows("data_refresh_log")}
    for name, fault in upstreams.wrong.items():
        row = written[logged[name].run_id]
        assert (name, row["status"], row["records_updated"]) == (name, "failed", 0)
        assert fault.said in str(row["error_message"]), name
        assert f"/numbers/{name}" in str(row["error_message"])
    assert {written[logged[name].run_id]["status"] for name in WELL} == {"success"}
    _assert_secret_nowhere(log.getvalue(), str(written), str(after), str(report))
    _assert_secret_nowhere(*_kept(fetching.settings))

    upstreams.be_well(GOOD, '"after"')
    await fetching.run()
    assert await fetching.series() == dict.fromkeys((*mended, *WELL), 4)


async def test_no_answer_and_no_error_of_the_client_holds_a_secret(upstreams: Upstreams) -> None:
    said: list[str] = []
    async with client() as http:
        for happen in (partial(upstreams.be_well, GOOD, ""), upstreams.go_wrong):
            happen()
            for odd in upstreams.sources:
                (request,) = odd.requests()
                try:
                    answer = await http.get(request)
                except EconstreamError as exc:
                    said.append("".join(traceback.format_exception(exc)) + repr(exc))
                else:
                    said.append(f"{answer!r} {answer.body!r} {request!r}")
    _assert_secret_nowhere(*said)
    assert any(SECRET in asked for asked in upstreams.plain.requests)
    assert any(HEADER_SECRET in head for head in upstreams.plain.heads)


def _assert_secret_nowhere(*texts: str) -> None:
    for text in texts:
        for secret in (SECRET, HEADER_SECRET, COOKIE):
            assert secret not in text, text[max(0, text.find(secret) - 200) :][:400]


def _kept(settings: Settings) -> list[str]:
    """Return everything that the archive holds, bodies as they were."""
    assert settings.fetch_archive_dir is not None
    found = [path for path in settings.fetch_archive_dir.rglob("*") if path.is_file()]
    assert len(found) > 5
    plain = zstandard.ZstdDecompressor().decompressobj
    return [
        (plain().decompress(p.read_bytes()) if p.suffix == ".zst" else p.read_bytes()).decode(
            errors="replace"
        )
        for p in found
    ]
