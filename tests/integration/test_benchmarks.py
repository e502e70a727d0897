"""The benchmarks run and print lines that a program can read; no test judges what they say."""

import json
import os
import subprocess
import sys

from tests.services.search import Service

LIMITS = {
    "insert": ("upsert", "decode"),
    "update": ("upsert", "decode"),
    "unchanged": ("upsert", "decode"),
    "bad": ("clean",),
}


def test_the_loader_s_benchmark_prints_a_line_for_each_backend_and_pass(
    kafka: Service, postgres_server: Service
) -> None:
    found = {
        "TEST_KAFKA_BOOTSTRAP_SERVERS": kafka.address,
        "TEST_DATABASE_URL": postgres_server.address,
    }
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "loader", "--rows", "20000", "--quick"],
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(result["backend"], result["pass"]) for result in results] == [
        (backend, name) for backend in ("postgresql", "duckdb") for name in LIMITS
    ]
    for result in results:
        assert result["benchmark"] == "loader"
        assert result["rows"] == 2_000
        assert result["rows_per_second"] > 0
        assert [len(result[limit]["ratios"]) for limit in LIMITS[result["pass"]]] == [1] * len(
            LIMITS[result["pass"]]
        )
        assert result["machine"]["cores"] == os.cpu_count()
    assert results[0]["server"]["fsync"] in ("on", "off")
