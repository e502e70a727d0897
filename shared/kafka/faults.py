"""Turns what aiokafka raises into the project's errors, named after the reaction they ask for."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import errors as kafka

from shared.errors import ConfigError, EconstreamError, InvalidRecord, Transient

_REFUSED = (
    kafka.AuthenticationFailedError,
    kafka.AuthenticationMethodNotSupported,
    kafka.ClusterAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.IllegalSaslStateError,
    kafka.SaslAuthenticationFailed,
    kafka.SecurityDisabled,
    kafka.TopicAuthorizationFailedError,
    kafka.UnsupportedSaslMechanismError,
)
_MISCONFIGURED = (
    kafka.IncompatibleBrokerVersion,
    kafka.InconsistentGroupProtocolError,
    kafka.InvalidConfigurationError,
    kafka.InvalidGroupIdError,
    kafka.InvalidPartitionsError,
    kafka.InvalidReplicationFactorError,
    kafka.InvalidSessionTimeoutError,
    kafka.InvalidTopicError,
    kafka.PolicyViolationError,
    kafka.UnsupportedVersionError,
)
_TOO_LARGE = (kafka.MessageSizeTooLargeError, kafka.RecordListTooLargeError)


class OffsetOutOfRange(Transient):
    """The broker no longer holds, or does not yet hold, the record that was asked for.

    Raised by `getmany` again and again until the partition is sought elsewhere.
    `topic`, `partition` and `offset` say what was asked for.
    """

    def __init__(self, topic: str, partition: int, offset: int) -> None:
        super().__init__(
            f"{topic}[{partition}] has no record at offset {offset}: its retention dropped it, "
            "or the topic was made anew; seek to an offset that it holds"
        )
        self.topic = topic
        self.partition = partition
        self.offset = offset


def translate(exc: BaseException, doing: str) -> EconstreamError:
    """Return the project's error for one of aiokafka's, of the network's or a timeout."""
    what = f"{doing}: {_reason(exc)}"
    if isinstance(exc, EconstreamError):
        return exc
    if isinstance(exc, _REFUSED):
        return ConfigError(
            f"{what}: the broker refuses these credentials; check KAFKA_SECURITY_PROTOCOL, "
            "KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and its ACLs"
        )
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ConfigError(f"{what}: the broker's certificate is not trusted; set KAFKA_SSL_CAFILE")
    if isinstance(exc, _MISCONFIGURED):
        return ConfigError(f"{what}: the broker does not accept this configuration")
    if isinstance(exc, _TOO_LARGE):
        return InvalidRecord("too_large", f"{what}: larger than the topic's max.message.bytes")
    if isinstance(exc, kafka.OffsetOutOfRangeError) and exc.args:
        ((topic, partition), offset) = next(iter(exc.args[0].items()))
        return OffsetOutOfRange(topic, partition, offset)
    return Transient(f"{what}; it is tried again when the broker answers")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the project's errors in place of aiokafka's; `doing` opens their text."""
    try:
        yield
    except (kafka.KafkaError, kafka.ConsumerStoppedError, OSError, TimeoutError) as exc:
        raise translate(exc, doing) from exc


def _reason(exc: BaseException) -> str:
    if isinstance(exc, TimeoutError):
        return "no answer in time"
    name = type(exc).__name__
    text = str(exc).removeprefix(f"{name}: ").strip()
    return text if text and text != name else name
