"""One Kafka cluster: how it is reached, and what it can do, found by asking it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError, NoError, UnknownError, for_code
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.transaction import AddPartitionsToTxnRequest, InitProducerIdRequest

from shared.errors import ConfigError, Transient
from shared.kafka.faults import translate
from shared.settings import Settings

_CLIENT_ID = "econstream"
_REQUEST_TIMEOUT_MS = 10_000
T = TypeVar("T")


class TopicPartition(NamedTuple):
    """One partition of a topic; equal to the plain tuple of both."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that has answered, and its abilities.

    embedded      it is the embedded broker, which keeps records in memory only
    idempotence   producers may ask for a sequence, so that a retry writes nothing twice
    transactions  records may be written, and are then read, in transactions
    list_offsets  it answers where a partition begins and ends, and what stands at a time
    """

    bootstrap_servers: str
    cluster_id: str
    embedded: bool
    idempotence: bool
    transactions: bool
    options: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def list_offsets(self) -> bool:
        """False on the embedded broker, which answers with the last batch's first offset."""
        return not self.embedded

    @property
    def session_timeout_ms(self) -> int:
        """How long a group waits for a silent member.

        A first join on the embedded broker takes half of it, so it is short there.
        """
        return 2_000 if self.embedded else 10_000

    @property
    def rebalance_timeout_ms(self) -> int:
        """How long a group waits for its members to hand back their partitions."""
        return 2_000 if self.embedded else 30_000


def connection_options(settings: Settings) -> dict[str, Any]:
    """Return what every client of aiokafka needs to reach the brokers.

    Raises ConfigError where a setting is missing or names an unreadable file.
    """
    if not settings.kafka_bootstrap_servers:
        raise ConfigError(
            "no Kafka broker is known: set KAFKA_BOOTSTRAP_SERVERS to its host:port, "
            "or start `econstream up`, which brings one along"
        )
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": _CLIENT_ID,
        "request_timeout_ms": _REQUEST_TIMEOUT_MS,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol in ("SSL", "SASL_SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= _sasl(settings)
    return options


async def connect(settings: Settings, *, timeout: float = 10.0) -> Cluster:  # noqa: ASYNC109
    """Ask the brokers who they are and what they can do; at most `timeout` seconds.

    Raises Transient where none answers, and ConfigError where the address, the
    credentials or a certificate is wrong. Cancelling leaves nothing open.
    """
    options = connection_options(settings)

    async def introduced(connection: Any) -> Cluster:
        return await _introduced(connection, options)

    try:
        async with asyncio.timeout(timeout):
            return await _ask_each(options, introduced)
    except TimeoutError as exc:
        reason = f"no answer within {timeout:g} s"
        raise Transient(_unreachable(options["bootstrap_servers"], reason)) from exc


async def ping(cluster: Cluster) -> None:
    """Return as soon as one of the brokers answers, on a connection of its own.

    Raises Transient where none does, ConfigError where it refuses. The wait is the
    caller's to bound; cancelling leaves nothing open.
    """
    await _ask_each(cluster.options, lambda connection: connection.send(MetadataRequest([])))


async def close_whole(client: Any) -> None:
    """Close a client of aiokafka to the end, however often this is cancelled meanwhile.

    aiokafka takes a cancellation that arrives while it closes for that of its own task, and
    whoever was cancelled would go on.
    """
    closing = asyncio.ensure_future(client.close())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait([closing])
        raise


async def _ask_each(options: Mapping[str, Any], question: Callable[[Any], Awaitable[T]]) -> T:
    """Return what the first broker that can be reached answers."""
    servers = options["bootstrap_servers"]
    reason = "it names no address"
    for host, port in _addresses(servers):
        try:
            return await _ask(host, port, options, question)
        except (KafkaError, OSError) as exc:
            fault = translate(exc, f"Kafka at {host}:{port}")
            if isinstance(fault, ConfigError):
                raise fault from exc
            reason = str(exc)
    raise Transient(_unreachable(servers, reason))


async def _ask(
    host: str, port: int, options: Mapping[str, Any], question: Callable[[Any], Awaitable[T]]
) -> T:
    reach = {name: value for name, value in options.items() if name != "bootstrap_servers"}
    connection = await create_conn(host, port, **reach)
    try:
        return await question(connection)
    finally:
        await connection.close()


async def _introduced(connection: Any, options: Mapping[str, Any]) -> Cluster:
    versions = await connection.send(ApiVersionRequest())
    metadata = await connection.send(MetadataRequest([]))
    denial = await _denied_producer(connection)
    known = {key for key, *_ in versions.api_versions}
    idempotence = denial is NoError
    return Cluster(
        bootstrap_servers=options["bootstrap_servers"],
        cluster_id=metadata.cluster_id,
        embedded=denial is UnknownError,
        idempotence=idempotence,
        transactions=idempotence and AddPartitionsToTxnRequest.API_KEY in known,
        options=options,
    )


async def _denied_producer(connection: Any) -> Any:
    """Ask for a producer id; NoError, or the class of the lasting refusal."""
    while True:
        answer = await connection.send(InitProducerIdRequest(None, 60_000))
        error = for_code(answer.error_code)
        if not error.retriable:
            return error
        await asyncio.sleep(0.1)


def _addresses(servers: str) -> list[tuple[str, int]]:
    try:
        return [(host, port) for host, port, _ in collect_hosts(servers)]
    except ValueError as exc:
        raise ConfigError(
            f"KAFKA_BOOTSTRAP_SERVERS={servers} is not a list of host:port, separated by commas"
        ) from exc


def _unreachable(servers: str, reason: str) -> str:
    return (
        f"no Kafka broker answers at {servers} ({reason}): start it, or set "
        "KAFKA_BOOTSTRAP_SERVERS to the address of one that runs"
    )


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=settings.kafka_ssl_cafile)
    except OSError as exc:
        raise ConfigError(
            f"KAFKA_SSL_CAFILE={settings.kafka_ssl_cafile} cannot be used ({exc.strerror or exc}): "
            "name a readable file of PEM certificates"
        ) from exc
    return context


def _sasl(settings: Settings) -> dict[str, Any]:
    if not settings.kafka_sasl_username or settings.kafka_sasl_password is None:
        raise ConfigError(
            f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol} needs "
            "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
    }
