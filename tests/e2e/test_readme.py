"""README's examples, run as they stand beside a demo, and what they must answer."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.embedded import find_binary
from shared.errors import ConfigError
from tests.command_line import ROOT, Shell
from tests.waiting import until_sync

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text()
EXPECTED = {
    "limit=3'": ['"next_cursor"', '"value":'],
    "as_of=2008-10-30&format=csv": ["14429.2", "14898.999"],
    "read_csv": ["TSLA"],
    "econstream query": ["AAVE10RP", "14429.2"],
    "get_db_connection": ["GDP", "[10 rows x"],
    "econstream produce": ["1"],
}
"""What the block that holds a text must print."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shell, str]]:
    """A demo that serves, and the address of its API."""
    shell = Shell(tmp_path_factory.mktemp("readme"), {"DUCKDB_PATH": "data/demo.duckdb"})
    with shell.started("demo", API_PORT="0") as running:
        url = shell.await_announced(running).api_url
        assert url
        until_sync(lambda: f"{url}/docs" in running.said or running.ended, within=120)
        yield shell, url


@pytest.mark.parametrize(("language", "text"), BLOCK.findall(README))
def test_the_example_answers_as_it_promises(
    demo: tuple[Shell, str], language: str, text: str
) -> None:
    shell, url = demo
    command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, text.replace("http://localhost:8000", url)],
        cwd=shell.folder,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": os.environ.get("HOME", "/"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [promised] = [answers for sign, answers in EXPECTED.items() if sign in text]
    for answer in promised:
        assert answer in done.stdout, done.stdout


def test_every_command_that_is_named_exists() -> None:
    named = set(re.findall(r"`econstream ([a-z-]+)", README))
    assert named
    for command in sorted(named):
        assert (ROOT / f"services/cli/commands/{command.replace('-', '_')}.py").exists(), command
