"""A single Apache Kafka node without Docker: jars from Maven, run by Java."""

import base64
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

from tests.services.process import await_line, end, free_port, spawn
from tests.services.search import UnavailableError

_HERE = Path(__file__).parent
_FETCH_WITHIN_S = 600
_READY_WITHIN_S = 90.0
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=1
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
"""


class KafkaNode:
    """An Apache Kafka on the loopback that can be killed and started again on its data."""

    def __init__(self, folder: Path) -> None:
        """Format a new, empty node in `folder`; UnavailableError without Java or jars."""
        self._java = _program("java")
        self._jars = _jars()
        self._folder = folder
        self._log = folder / "kafka.log"
        self.port = free_port()
        text = _PROPERTIES.format(port=self.port, controller=free_port(), data=folder / "data")
        self._properties = folder / "server.properties"
        self._properties.write_text(text, encoding="utf-8")
        self._format()
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the node on its data; returns when it serves."""
        self._log.write_bytes(b"")
        self._process = spawn(
            [
                *(self._java, "-Xms256m", "-Xmx768m", "-XX:TieredStopAtLevel=1", "-Xshare:auto"),
                f"-Dlog4j2.configurationFile={_HERE / 'log4j2.yaml'}",
                *("-cp", f"{self._jars}/*", "kafka.Kafka", str(self._properties)),
            ],
            self._log,
        )
        await_line(self._process, self._log, "Kafka Server started", _READY_WITHIN_S)

    def kill(self) -> None:
        """End the node as a power cut would."""
        end(self._process, signal.SIGKILL)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [
                *(self._java, "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*"),
                *("kafka.tools.StorageTool", "format"),
                *("--cluster-id", f"A{cluster_id[1:]}", "--config", str(self._properties)),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise UnavailableError(f"Kafka cannot format its storage: {done.stderr.strip()[-200:]}")


def _jars() -> Path:
    """Return the folder of Kafka's jars, fetched by Maven the first time.

    Its name carries the checksum of pom.xml, so that a changed one means new jars.
    """
    pom = _HERE / "pom.xml"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "econstream"
    folder = cache / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    maven = _program("mvn")
    cache.mkdir(parents=True, exist_ok=True)
    fetched = Path(tempfile.mkdtemp(dir=cache))
    try:
        subprocess.run(
            [
                *(maven, "-q", "-B", "-f", str(pom)),
                "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
                *("-DincludeScope=runtime", f"-DoutputDirectory={fetched / 'jars'}"),
            ],
            check=True,
            capture_output=True,
            timeout=_FETCH_WITHIN_S,
        )
        if not folder.is_dir():
            (fetched / "jars").rename(folder)
    except (subprocess.SubprocessError, OSError) as exc:
        raise UnavailableError("Maven cannot fetch Kafka's jars") from exc
    finally:
        shutil.rmtree(fetched, ignore_errors=True)
    return folder


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UnavailableError(f"there is no {name}")
    return found
