"""The benchmark of posting runs and prints lines that a program can read."""

import json
import os
import subprocess
import sys

from tests.services.search import Service


def test_posting_prints_a_line_for_one_program_and_for_two(kafka: Service) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "posting", "--posted-rows", "20000", "--quick"],
        env={**os.environ, "TEST_KAFKA_BOOTSTRAP_SERVERS": kafka.address},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(line["programs"], line["rows"]) for line in lines] == [(1, 2_000), (2, 2_000)]
    assert all(line["rows_per_second"] > 0 for line in lines)
    assert all(len(line[name]["ratios"]) == 1 for line in lines for name in ("send", "batches"))
