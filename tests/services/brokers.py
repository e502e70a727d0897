"""The ways to a Kafka for tests, best first."""

import asyncio
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from shared.embedded import EmbeddedBroker
from shared.errors import EconstreamError
from shared.kafka import connect
from shared.settings import Settings
from tests.services import containers
from tests.services.kafka.node import KafkaNode
from tests.services.search import Service, UnavailableError, Way

_IMAGE = "apache/kafka:4.1.1"


def from_environment(closing: ExitStack) -> Service:
    """Use the broker that TEST_KAFKA_BOOTSTRAP_SERVERS names; a dead one is a fault."""
    address = os.environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS")
    if not address:
        raise UnavailableError("unset")
    cluster = asyncio.run(connect(Settings(_env_file=None, kafka_bootstrap_servers=address)))
    kind = "embedded broker" if cluster.embedded else "Apache Kafka"
    named = f"{kind} of TEST_KAFKA_BOOTSTRAP_SERVERS"
    return Service(address, named, real=not cluster.embedded)


def from_container(closing: ExitStack) -> Service:
    """Run the official image, one node."""
    port = containers.unused_port()
    address = f"127.0.0.1:{port}"
    environment = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:19093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:19093",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xms256m -Xmx768m",
        "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:TieredStopAtLevel=1",
    }
    containers.start(_IMAGE, environment, port, "Kafka Server started", closing)
    return Service(address, f"Apache Kafka in a container of {_IMAGE}")


def from_jars(closing: ExitStack) -> Service:
    """Run Maven's jars, one node."""
    folder = Path(tempfile.mkdtemp(prefix="econstream-kafka-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    node = KafkaNode(folder)
    closing.callback(node.kill)
    return Service(node.address, "Apache Kafka from Maven's jars")


def from_embedded(closing: ExitStack) -> Service:
    """Run the project's own embedded broker."""
    folder = Path(tempfile.mkdtemp(prefix="econstream-broker-"))
    closing.callback(shutil.rmtree, folder, ignore_errors=True)
    # Not the policy's loop: that one belongs to each test.
    runner = closing.enter_context(asyncio.Runner(loop_factory=asyncio.new_event_loop))
    try:
        broker = EmbeddedBroker(folder / "broker.log")
        runner.run(broker.__aenter__())
    except EconstreamError as exc:
        raise UnavailableError(str(exc)) from exc
    closing.callback(lambda: runner.run(broker.stop()))
    return Service(broker.bootstrap_servers, "the embedded broker", real=False)


WAYS: tuple[tuple[str, Way], ...] = (
    ("TEST_KAFKA_BOOTSTRAP_SERVERS", from_environment),
    ("a container", from_container),
    ("Maven's jars", from_jars),
    ("the embedded broker", from_embedded),
)
