"""SENDING_DATA.md, run as it stands beside an `up`, and keys from their making to their end."""

import json
import os
import re
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from shared.embedded import find_binary
from shared.errors import ConfigError
from tests.command_line import ROOT, Shell, one_line
from tests.waiting import until_sync

try:
    find_binary()
except ConfigError as exc:
    pytest.skip(str(exc), allow_module_level=True)

GUIDE = (ROOT / "docs/SENDING_DATA.md").read_text()
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def run(shell: Shell, command: list[str], text: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, text],
        cwd=shell.folder,
        env={"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(shell.folder)} | shell.settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(url: str, key: str) -> int:
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310  # the loopback
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        return exc.code


def test_the_guide_does_what_it_says_and_keys_end(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with shell.up() as up:
        url = shell.await_announced(up).api_url
        assert url
        follow(shell, url)
        secret = end_key(shell, url)
        assert up.end() == 0
        assert "Traceback" not in up.said
        assert secret not in up.said
    (listed,) = json.loads(shell.run("keys", "list", "--json").stdout)
    assert listed["state"] == "revoked"
    assert listed["last_used_at"] is not None


def follow(shell: Shell, url: str) -> None:
    bash = "\necho ======\n".join(text for language, text in BLOCKS if language == "bash")
    bash = bash.replace("http://localhost:8000", url)
    made, posted, repeated, known = run(shell, ["bash", "-euc"], bash).split("======\n")
    assert made == ""
    answer = json.loads(posted)
    assert (answer["accepted"], answer["stored"]) == (2, True)
    assert [(row["index"], row["field"]) for row in answer["rejected"]] == [(2, "date")]
    first, head, again = re.split(r"(?s)(HTTP/1.1 202 .*?\r?\n\r?\n)", repeated)
    assert json.loads(first) == json.loads(again)
    assert "idempotency-replayed: true" in head.lower()
    assert re.search(r"2025-12-01,99(\.0)?,2026-01-15T23:59:59.999999Z,my-program", known)
    (python,) = (text for language, text in BLOCKS if language == "python")
    said = run(shell, [sys.executable, "-c"], python.replace("http://localhost:8000", url))
    assert said == "30 rows stored\n"


def end_key(shell: Shell, url: str) -> str:
    """Revoke the guide's key, by each name it has; return what is secret of it."""
    key = json.loads((shell.folder / "key.json").read_text())
    assert set(key) == {"id", "key", "scopes", "expires_at"}
    assert stat.S_IMODE((shell.folder / "data/api_key_pepper").stat().st_mode) == 0o600
    assert status(f"{url}/v1/datasets", key["key"]) == 403
    done = shell.run("keys", "list", "--json")
    (listed,) = json.loads(done.stdout)
    assert (listed["state"], listed["scopes"]) == ("active", ["ingest"])
    assert shell.run("keys", "revoke", key["id"]).returncode == 0
    until_sync(lambda: status(f"{url}/v1/datasets", key["key"]) == 401)
    again = shell.run("keys", "revoke", key["key"])
    assert again.returncode == 1
    secret = str(key["key"][16:])
    assert secret not in done.stdout + one_line(again.stderr)
    return secret


def test_keys_are_made_before_anything_runs_and_on_postgresql(
    tmp_path: Path, postgres_url: str
) -> None:
    shell = Shell(tmp_path)
    made = shell.run("keys", "create", "--scope", "read", "--scope", "admin", "--dataset", "fred")
    told = dict(line.split("\t") for line in made.stdout.splitlines())
    assert (told["scopes"], told["datasets"]) == ("read,admin", "fred_data"), made.stderr
    assert told["key"].startswith(told["id"])
    for wrong in (["--scope", "write"], [], ["--scope", "read", "--name", "\n"]):
        assert shell.run("keys", "create", *wrong).returncode == 2, wrong
    for settings in ({"API_HOST": "192.0.2.1"}, {"API_KEY_PEPPER": "short"}):
        refused = shell.run("keys", "create", "--scope", "read", settings=settings)
        assert refused.returncode == 78
        assert "API_KEY_PEPPER" in one_line(refused.stderr)
        assert shell.run("api", settings=settings).returncode == 78
    postgres = {"DATABASE_BACKEND": "postgresql", "DATABASE_URL": postgres_url}
    applied = {**postgres, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    shell.run("schema", "apply", settings=applied)
    done = shell.run("keys", "create", "--scope", "ingest", "--json", settings=postgres)
    assert json.loads(done.stdout)["scopes"] == ["ingest"], done.stderr
    listed = shell.run("keys", "list", settings=postgres).stdout.splitlines()
    assert len(listed) == 2
    assert "\tingest\t" in listed[1]
