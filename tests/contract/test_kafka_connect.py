"""Connecting says who answers, and fails soon and plainly where nobody does."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.errors import ConfigError, Transient
from shared.kafka import (
    Cluster,
    Consumer,
    Producer,
    TopicPartition,
    TopicSpec,
    Watermarks,
    connect,
    ensure_topics,
    ping,
)
from shared.settings import Settings
from tests.services.process import free_port
from tests.services.readers import Listener
from tests.services.search import Service

_ANSWER_S = 5.0


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and never says a word."""
    talks: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: talks.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    for writer in talks:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_tells_the_brokers_apart(kafka: Service, embedded_kafka: Service) -> None:
    embedded = await connect(Settings(kafka_bootstrap_servers=embedded_kafka.address))
    assert embedded.embedded
    assert not embedded.idempotence
    assert not embedded.transactions
    assert not embedded.list_offsets
    assert embedded.session_timeout_ms <= 2_000
    if not kafka.real:
        pytest.skip("no Apache Kafka here; the closing line says why")
    apache = await connect(Settings(kafka_bootstrap_servers=kafka.address))
    assert apache.idempotence
    assert apache.transactions
    assert apache.list_offsets
    assert not apache.embedded
    assert apache.cluster_id != embedded.cluster_id


async def test_passes_over_a_dead_address(each_kafka: Service) -> None:
    dead = f"127.0.0.1:{free_port()}"
    cluster = await connect(Settings(kafka_bootstrap_servers=f"{dead},{each_kafka.address}"))
    assert cluster.cluster_id


async def test_an_unreachable_broker_is_transient_and_said_at_once() -> None:
    address = f"127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(Transient, match=rf"{address}.*KAFKA_BOOTSTRAP_SERVERS"):
        await connect(Settings(kafka_bootstrap_servers=address))
    assert time.monotonic() - started < _ANSWER_S


async def test_a_silent_server_is_given_up_on(silent: str) -> None:
    with pytest.raises(Transient, match=rf"{silent}.*no answer within 0.3 s"):
        await connect(Settings(kafka_bootstrap_servers=silent), timeout=0.3)


async def test_clients_of_a_broker_that_left_are_told(each_cluster: Cluster) -> None:
    address = f"127.0.0.1:{free_port()}"
    gone = Cluster(
        bootstrap_servers=address,
        cluster_id=each_cluster.cluster_id,
        embedded=each_cluster.embedded,
        idempotence=each_cluster.idempotence,
        transactions=each_cluster.transactions,
        options={**each_cluster.options, "bootstrap_servers": address},
    )
    await ping(each_cluster)
    with pytest.raises(Transient, match=address):
        await ping(gone)
    with pytest.raises(Transient, match=address):
        async with Producer(gone):
            pass
    with pytest.raises(Transient, match=address):
        await ensure_topics(gone, [TopicSpec("never")])
    with pytest.raises(Transient, match=address):
        async with Consumer(gone, group_id="g", topics=["never"], listener=Listener()):
            pass
    async with Watermarks(gone) as watermarks:
        with pytest.raises(Transient, match=address):
            await watermarks.end_offsets([TopicPartition("never", 0)])


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"kafka_bootstrap_servers": "127.0.0.1:port"}, "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:port"),
        (
            {"kafka_bootstrap_servers": "x:1", "kafka_security_protocol": "SASL_PLAINTEXT"},
            "KAFKA_SASL_USERNAME",
        ),
        (
            {
                "kafka_bootstrap_servers": "x:1",
                "kafka_security_protocol": "SSL",
                "kafka_ssl_cafile": Path("/nowhere/ca.pem"),
            },
            "KAFKA_SSL_CAFILE=/nowhere/ca.pem",
        ),
    ],
)
async def test_a_wrong_setting_is_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        await connect(Settings(**settings))


async def test_refused_credentials_are_a_wrong_setting_and_stay_secret(kafka: Service) -> None:
    """A broker without SASL refuses the handshake."""
    settings = Settings(
        kafka_bootstrap_servers=kafka.address,
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="loader",
        kafka_sasl_password=SecretStr("planted-secret"),
    )
    if not kafka.real:
        pytest.skip("the embedded broker takes any credentials")
    with pytest.raises(ConfigError, match="KAFKA_SASL_MECHANISM") as refused:
        await connect(settings)
    assert "planted-secret" not in str(refused.value)


async def test_a_cluster_does_not_show_its_password(each_kafka: Service) -> None:
    cluster = await connect(Settings(kafka_bootstrap_servers=each_kafka.address))
    secret = Cluster(**{
        **{name: getattr(cluster, name) for name in Cluster.__slots__},
        "options": {"sasl_plain_password": "planted-secret"},
    })  # fmt: skip
    assert "planted-secret" not in repr(secret)
