"""The benchmark of reading runs and prints lines that a program can read."""

import json
import os
import subprocess
import sys

from tests.services.search import Service


def test_reading_prints_a_line_for_each_backend_and_format(
    kafka: Service, postgres_server: Service
) -> None:
    found = {
        "TEST_KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "TEST_DATABASE_URL": postgres_server.address,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "reading", "--table-rows", "100000", "--quick"],
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(line["backend"], line["format"]) for line in lines] == [
        (backend, name)
        for backend in ("postgresql", "duckdb")
        for name in ("csv", "ndjson", "arrow", "parquet")
    ]
    for line in lines:
        assert line["rows"] == 10_000
        assert line["rows_per_second"] > 0
        assert len(line["copy"]["ratios"]) == 1
