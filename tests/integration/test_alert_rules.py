"""The alert rules as Prometheus itself reads and tests them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.services import containers
from tests.services.search import UnavailableError

RULES = Path(__file__).parents[2] / "deploy/prometheus"
IMAGE = "prom/prometheus:v2.53.3"


@pytest.fixture
def promtool(do_without: Callable[[str, str], NoReturn]) -> list[str]:
    """The command that runs promtool in the folder of the rules."""
    if (program := shutil.which("promtool")) is not None:
        return [program]
    try:
        containers.have(IMAGE)
    except UnavailableError as exc:
        do_without("promtool", str(exc))
    mounted = ["--volume", f"{RULES}:/rules:ro", "--workdir", "/rules"]
    return ["docker", "run", "--rm", *mounted, "--entrypoint", "promtool", IMAGE]


@pytest.mark.parametrize(
    "command", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")]
)
def test_promtool_finds_no_fault(promtool: list[str], command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [*promtool, *command], cwd=RULES, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
