"""scripts/migrate_to_postgres.py before there is anything to migrate: which Python runs it."""

import subprocess
import sys
from pathlib import Path

from tests.command_line import ROOT, one_line


def test_the_script_finds_its_python_or_says_what_is_missing(tmp_path: Path) -> None:
    """Run by a Python that knows nothing of econstream, as a newcomer's own does."""
    script = ROOT / "scripts" / "migrate_to_postgres.py"
    alone = tmp_path / "scripts" / script.name
    alone.parent.mkdir()
    alone.write_bytes(script.read_bytes())
    bare = [sys.executable, "-I", "-S"]
    command = [*bare, str(alone)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "make setup" in one_line(done.stderr)
    beside = tmp_path / ".venv" / "bin" / "python"
    beside.parent.mkdir(parents=True)
    beside.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    beside.chmod(0o755)
    command.append("--help")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "econstream migrate" in done.stdout
