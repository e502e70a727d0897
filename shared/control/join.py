"""Which broker a command means: the configured one, else that of the `up` that runs here."""

from shared.control.claim import find_running
from shared.errors import ConfigError
from shared.settings import Settings


def join_broker(settings: Settings) -> Settings:
    """Return settings that name a broker; reads two small files at most.

    Raises ConfigError that says what to do where there is none, Transient where an `up` is
    only starting or already ending.
    """
    if settings.kafka_bootstrap_servers:
        return settings
    running = find_running(settings.data_dir)
    if running is None:
        raise ConfigError(
            "no Kafka broker is known: KAFKA_BOOTSTRAP_SERVERS is not set and no `econstream up` "
            f"runs on {settings.data_dir}. Start `econstream up` in another terminal, which brings "
            "a broker along, or set KAFKA_BOOTSTRAP_SERVERS to the host:port of one"
        )
    return settings.model_copy(update={"kafka_bootstrap_servers": running.kafka_bootstrap_servers})
