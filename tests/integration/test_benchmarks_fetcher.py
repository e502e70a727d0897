"""The fetcher's benchmarks run and print lines that a program can read."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.services.search import Service


def results(*arguments: str, broker: str = "") -> list[dict[str, Any]]:
    """Run a benchmark and return its results."""
    found = {"TEST_KAFKA_BOOTSTRAP_SERVERS": broker} if broker else {}
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments, "--quick"],
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_parsing_prints_a_line_for_each_upstream() -> None:
    lines = results("parsing", "--answer-rows", "20000")
    names = [line["answer"] for line in lines]
    assert names == ["fred", "alfred", "release", "cboe", "yahoo"]
    for line in lines:
        assert line["benchmark"] == "parsing"
        # Yahoo's last bars may be of an open session; a release's series are described, too.
        assert 1_990 <= line["rows"] <= 2_010
        assert line["parse"]["rows_per_second"] > line["rows_per_second"] > 0


def test_publishing_prints_a_line_for_each_upstream(kafka: Service) -> None:
    lines = results("publishing", "--answer-rows", "5000", broker=kafka.address)
    assert [line["source"] for line in lines] == ["fred", "yahoo"]
    for line in lines:
        assert line["rows"] >= 4 * 490
        assert len(line["send"]["ratios"]) == len(line["batches"]["ratios"]) == 1


def test_a_backfill_prints_what_it_held(kafka: Service) -> None:
    (line,) = results("backfill", "--rows", "30000", "--answer-rows", "10000", broker=kafka.address)
    assert line["rows"] >= 3_000
    assert len(line["peaks_mb"]) >= 3
    assert line["peak_mb"] >= line["before_mb"] > 0
