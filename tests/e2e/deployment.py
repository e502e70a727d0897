"""The deployment of docker-compose.yml under a name, a port and an image of its own."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.services import brokers, containers
from tests.services.process import free_port
from tests.services.search import UnavailableError
from tests.waiting import until_sync

ROOT = Path(__file__).parents[2]
SERVICES = ("fetcher", "loader", "api")
_IMAGES = ("python:3.12-slim", "postgres:17", "apache/kafka:4.1.1")
_BUILD_WITHIN_S = 900
_COMMAND_WITHIN_S = 240
_HEALTHY_WITHIN_S = 90.0
_KEPT = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_BUILDKIT")
# Only the samples are to come in, whatever the machine's way to the upstreams.
_OFFLINE = "services: {fetcher: {environment: {WATCHLIST: /dev/null}}}\n"


def require() -> None:
    """Raise UnavailableError where Docker, Compose or an image that starts is missing."""
    for image in _IMAGES:
        containers.have(image)
    try:
        version = ["docker", "compose", "version"]
        subprocess.run(version, check=True, capture_output=True, timeout=30)
    except (subprocess.SubprocessError, OSError) as exc:
        raise UnavailableError("there is no docker compose") from exc
    with ExitStack() as closing:
        brokers.from_container(closing)


@contextmanager
def deployed() -> Iterator["Deployment"]:
    """Build the image and bring everything up; nothing of it is left behind."""
    name = f"econstream-e2e-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        deployment = Deployment(name, Path(folder))
        try:
            deployment.compose("build", "--quiet", "api", within=_BUILD_WITHIN_S)
            deployment.up()
            yield deployment
        finally:
            deployment.api.close()
            deployment.compose("down", "--volumes", "--timeout", "5")
            _docker("image", "rm", "--force", f"econstream:{name}")


class Deployment:
    """One running deployment; commands raise AssertionError with what they said on failure."""

    def __init__(self, name: str, folder: Path) -> None:
        self._secrets = folder / ".env"
        offline = folder / "offline.yml"
        offline.write_text(_OFFLINE)
        subprocess.run([ROOT / "deploy" / "make-env", self._secrets], check=True, timeout=30)
        self._command = ["docker", "compose", "--project-name", name, "--progress", "quiet"]
        self._command += ["--project-directory", str(ROOT), "--env-file", str(self._secrets)]
        self._command += ["--file", str(ROOT / "docker-compose.yml"), "--file", str(offline)]
        kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
        port = str(free_port())
        self._environment = {**kept, "API_PORT": port, "ECONSTREAM_TAG": name}
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    @property
    def password(self) -> str:
        """The database's password, as made for this deployment."""
        lines = self._secrets.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)["POSTGRES_PASSWORD"]

    def up(self) -> None:
        """Start what does not run; returns when every service is healthy."""
        done = self.run("up", "--detach", "--no-build", "--wait")
        if done.returncode:
            pytest.fail(f"{done.stderr}{self.run('logs', '--tail', '5').stdout}", pytrace=False)

    def compose(self, *arguments: str, within: float = _COMMAND_WITHIN_S) -> str:
        """Run a subcommand of docker compose and return what it printed."""
        return _said(self.run(*arguments, within=within))

    def run(
        self, *arguments: str, within: float = _COMMAND_WITHIN_S, stdin: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a subcommand of docker compose, however it ends; `stdin` is a file for it."""
        with (stdin or Path(os.devnull)).open() as given:
            return subprocess.run(
                [*self._command, *arguments],
                stdin=given,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=within,
            )

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return self.compose("exec", "-T", service, *command)

    def sql(self, query: str) -> str:
        """Return a query's rows, a line each, asked of PostgreSQL itself."""
        psql = ("psql", "-U", "dashboard_user", "-d", "economic_dashboard", "-Atc", query)
        return self.inside("postgres", *psql).strip()

    def csv(self, dataset: str, **parameters: str) -> str:
        """Return a whole dataset from the API."""
        answer = self.api.get(f"/v1/data/{dataset}", params={"format": "csv", **parameters})
        answer.raise_for_status()
        return answer.text

    def state(self, service: str) -> dict[str, Any]:
        """Return what Docker knows of a service's container."""
        container = self.compose("ps", "--all", "--quiet", service).strip()
        [state] = json.loads(_said(_docker("inspect", container)))
        return dict(state)

    def crash(self, service: str) -> bool:
        """Kill a service's process with -9, and return when it is healthy again.

        True where Docker started it again by itself, which it does for a crash and not for its
        own kill; that one is used where the process is out of reach.
        """
        before = self.state(service)
        alone = _killed(before["State"]["Pid"], before["Id"])
        if not alone:
            self.compose("kill", "--signal", "KILL", service)
            self.up()

        def is_back() -> bool:
            now = self.state(service)
            begun = now["State"]["StartedAt"] != before["State"]["StartedAt"]
            return bool(begun and now["State"].get("Health", {}).get("Status") == "healthy")

        until_sync(is_back, _HEALTHY_WITHIN_S, every=0.5)
        return alone


def _killed(pid: int, container: str) -> bool:
    """Kill a container's process from this machine, where it is this machine's and we may."""
    with suppress(OSError):
        if container in Path(f"/proc/{pid}/cgroup").read_text():
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, (
        f"{' '.join(done.args)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout
