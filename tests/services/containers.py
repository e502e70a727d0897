"""Containers for tests, where Docker answers and has the image or can fetch it soon."""

import gc
import importlib
import os
import shutil
import socket
import subprocess
import warnings
from collections.abc import Mapping
from contextlib import ExitStack

from tests.services.process import free_port
from tests.services.search import UnavailableError
from tests.waiting import until_sync

_ANSWER_WITHIN_S = 5
_PULL_WITHIN_S = 120
_READY_WITHIN_S = 60.0


def start(
    image: str,
    environment: Mapping[str, str],
    port: int,
    ready: str,
    closing: ExitStack,
) -> None:
    """Run a container whose `port` is the same on the loopback; return when it has logged `ready`.

    Raises UnavailableError with the reason where that cannot be, within bounds.
    """
    have(image)
    # The reaper would be one more image; `closing` removes what is started here.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image).with_bind_ports(port, port)
    for name, value in environment.items():
        container.with_env(name, value)
    with ExitStack() as failing:
        failing.callback(container.stop)
        try:
            container.start()
            until_sync(lambda: ready in _logged(container), _READY_WITHIN_S, every=0.2)
            until_sync(lambda: _listens(port), _READY_WITHIN_S)
        except Exception as exc:
            raise UnavailableError(f"a container of {image} did not start: {_told(exc)}") from exc
        closing.push(failing.pop_all())


def unused_port() -> int:
    """Return a port for a container to publish."""
    return free_port()


def _logged(container: object) -> str:
    out, err = container.get_logs()  # type: ignore[attr-defined]
    return bytes(out + err).decode(errors="replace")


def _told(exc: Exception) -> str:
    return str(exc).splitlines()[0][:200]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def have(image: str) -> None:
    """Return when Docker has the image; UnavailableError where it cannot be had in two minutes."""
    with warnings.catch_warnings():
        # Docker's client does not close the socket on which it found nobody.
        warnings.simplefilter("ignore", ResourceWarning)
        known = _knows(image)
        gc.collect()
    if known is None:
        raise UnavailableError("Docker does not answer")
    if not known:
        _pull(image)


def _knows(image: str) -> bool | None:
    """Return whether Docker has the image, None where Docker does not answer."""
    try:
        docker = importlib.import_module("docker")
        errors = importlib.import_module("docker.errors")
    except ImportError as exc:
        raise UnavailableError("testcontainers is not installed") from exc
    try:
        client = docker.from_env(timeout=_ANSWER_WITHIN_S)
        try:
            client.images.get(image)
        finally:
            client.close()
    except errors.ImageNotFound:
        return False
    except errors.DockerException:
        return None
    return True


def _pull(image: str) -> None:
    program = shutil.which("docker")
    if program is None:
        raise UnavailableError(f"the image {image} is not on this machine")
    try:
        subprocess.run(
            [program, "pull", "--quiet", image],
            check=True,
            capture_output=True,
            timeout=_PULL_WITHIN_S,
        )
    except (subprocess.SubprocessError, OSError) as exc:
        raise UnavailableError(f"the image {image} cannot be fetched") from exc
