"""Server processes of the test run: each ends with it, however that ends."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.services.search import UnavailableError
from tests.waiting import until_sync

_PR_SET_PDEATHSIG = 1
_WORKERS = 6
_PORTS = 2_000


def free_port() -> int:
    """Return a port of the loopback that nothing listens on, another one in each test worker.

    No connection that is made meanwhile can take it: those have ports from 32768 on.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    first = 20_000 + worker * _PORTS
    for port in random.SystemRandom().sample(range(first, first + _PORTS), _PORTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError(f"nothing is free from {first} to {first + _PORTS - 1}")


def spawn(command: Sequence[str], log: Path, *, user: str | None = None) -> subprocess.Popen[bytes]:
    """Start a server that writes to `log`, as `user` where one is named."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
            # Safe here: the function takes no lock that a thread could hold.
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
        )


def await_line(process: subprocess.Popen[bytes], log: Path, line: str, timeout: float) -> None:
    """Wait until a server has logged a line; UnavailableError where it ends before."""
    try:
        until_sync(lambda: line in _text(log) or process.poll() is not None, timeout, every=0.05)
    except AssertionError as exc:
        raise UnavailableError(f"it was not ready within {timeout:g} s, see {log}") from exc
    if process.poll() is not None:
        last = (_text(log).strip().splitlines() or ["nothing logged"])[-1]
        raise UnavailableError(f"it ended with {process.returncode}: {last}")


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """Send a signal to a server and wait, at most twenty seconds, until it is gone."""
    if process.poll() is None:
        process.send_signal(number)
        process.wait(20)


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
