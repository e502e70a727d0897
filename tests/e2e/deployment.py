"""The deployment of docker-compose.yml under a name, ports, secrets and an image of its own."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.services import brokers, containers
from tests.services.process import free_port
from tests.services.search import UnavailableError
from tests.waiting import until_sync

ROOT = Path(__file__).parents[2]
SERVICES = ("fetcher", "processor", "loader", "api")
SHARING = {"loader": 2, "processor": 2}
"""How many there are of those that share partitions."""

_IMAGES = ("python:3.12-slim", "postgres:17", "apache/kafka:4.1.1")
_BUILD_WITHIN_S = 900
_COMMAND_WITHIN_S = 240
_HEALTHY_WITHIN_S = 120.0
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
def deploying() -> Iterator["Deployment"]:
    """Lend a deployment that does not run yet; nothing of it is left behind."""
    name = f"econstream-e2e-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        deployment = Deployment(name, Path(folder))
        try:
            yield deployment
        finally:
            deployment.api.close()
            deployment.run("down", "--volumes", "--timeout", "5")
            for image in deployment.images:
                docker("image", "rm", "--force", image)


class Deployment:
    """One deployment; commands raise AssertionError with what they said on failure."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.secrets = folder / ".secrets"
        self.images: list[str] = []
        port, self.postgres_port = free_port(), free_port()
        kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
        ports = {"API_PORT": str(port), "POSTGRES_PORT": str(self.postgres_port)}
        self._environment = kept | ports | {"SECRETS_DIR": str(self.secrets)}
        self._command: list[str] = []
        self.api = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)

    def take(self, root: Path, tag: str) -> None:
        """Build the image of a tree of files and go on with its docker-compose.yml."""
        offline, env = self.folder / "offline.yml", self.folder / ".env"
        offline.write_text(_OFFLINE)
        subprocess.run([root / "deploy" / "make-env", env], check=True, timeout=30)
        self._command = ["docker", "compose", "--project-name", self.name, "--progress", "quiet"]
        self._command += ["--project-directory", str(root), "--env-file", str(env)]
        self._command += ["--file", str(root / "docker-compose.yml"), "--file", str(offline)]
        self._environment["ECONSTREAM_TAG"] = f"{self.name}-{tag}"
        self.images.append(f"econstream:{self.name}-{tag}")
        self.compose("build", "--quiet", "api", within=_BUILD_WITHIN_S)

    def secret(self, name: str) -> str:
        """A secret as it was made for this deployment."""
        return (self.secrets / name).read_text().strip()

    def up(self) -> None:
        """Start what does not run; returns when every service is healthy."""
        has = self.compose("config", "--services").split()  # of the commit before, maybe not all
        scale = [f"--scale={name}={count}" for name, count in SHARING.items() if name in has]
        done = self.run("up", "--detach", "--no-build", "--wait", *scale)
        if done.returncode:
            pytest.fail(f"{done.stderr}{self.run('logs', '--tail', '5').stdout}", pytrace=False)

    def compose(self, *arguments: str, within: float = _COMMAND_WITHIN_S) -> str:
        """Run a subcommand of docker compose and return what it printed."""
        return said(self.run(*arguments, within=within))

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

    def once(
        self,
        service: str,
        *command: str,
        stdin: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a new container of a service, however it ends."""
        given = [f"--env={name}={value}" for name, value in (environment or {}).items()]
        once = ("run", "--rm", "--no-deps", "-T", *given, service, *command)
        return self.run(*once, stdin=stdin)

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""
        return self.compose("exec", "-T", service, *command)

    def ailing(self, service: str) -> set[str]:
        """Return what the doctor finds to mend where a service runs."""
        told = self.run("exec", "-T", service, "econstream", "doctor", "--json")
        return {row["check"] for row in json.loads(told.stdout) if row["status"] == "failed"}

    def sql(self, query: str) -> str:
        """Return a query's rows, a line each, asked of PostgreSQL itself."""
        psql = ("psql", "-U", "dashboard_user", "-d", "economic_dashboard", "-Atc", query)
        return self.inside("postgres", *psql).strip()

    def csv(self, dataset: str, **parameters: str) -> str:
        """Return a whole dataset from the API."""
        answer = self.api.get(f"/v1/data/{dataset}", params={"format": "csv", **parameters})
        answer.raise_for_status()
        return answer.text

    def table(self, dataset: str, **parameters: str) -> pa.Table:
        """Return a dataset, or some of it, from the API."""
        answer = self.api.get(f"/v1/data/{dataset}", params={"format": "arrow", **parameters})
        answer.raise_for_status()
        return pa.ipc.open_stream(answer.content).read_all()

    def rows(self, dataset: str) -> int:
        """Return how many rows a dataset has, as the API tells."""
        answer = self.api.get(f"/v1/datasets/{dataset}")
        answer.raise_for_status()
        return int(answer.json()["rows"])

    def containers(self, *services: str) -> list[dict[str, Any]]:
        """Return what Docker knows of the containers of some services, or of all."""
        found = self.compose("ps", "--all", "--quiet", *services).split()
        inspected: list[dict[str, Any]] = json.loads(said(docker("inspect", *found)))
        return sorted(inspected, key=lambda container: str(container["Name"]))

    def crash(self, containers: Sequence[dict[str, Any]]) -> None:
        """Kill processes with -9, all at once, and return when all are healthy again.

        Docker starts them again by itself, which it does for a crash and not for its own kill;
        that one is used where a process is out of reach.
        """
        spared = [
            each["Id"] for each in containers if not _killed(each["State"]["Pid"], each["Id"])
        ]
        if spared:
            docker("kill", "--signal", "KILL", *spared)
            docker("start", *spared)
        until_sync(lambda: all(map(_is_back, containers)), _HEALTHY_WITHIN_S, every=0.5)


def docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Docker itself, however it ends."""
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a command printed; AssertionError where it failed."""
    assert done.returncode == 0, (
        f"{' '.join(done.args)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def _is_back(before: dict[str, Any]) -> bool:
    [now] = json.loads(said(docker("inspect", before["Id"])))
    begun = now["State"]["StartedAt"] != before["State"]["StartedAt"]
    return bool(begun and now["State"]["Health"]["Status"] == "healthy")


def _killed(pid: int, container: str) -> bool:
    """Kill a container's process from this machine, where it is this machine's and we may."""
    with suppress(OSError):
        if container in Path(f"/proc/{pid}/cgroup").read_text():
            os.kill(pid, signal.SIGKILL)
            return True
    return False
