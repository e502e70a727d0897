"""Every setting, its default and its meaning: the one place that reads the environment."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import quote

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from shared.errors import ConfigError


def _split(names: object) -> object:
    if not isinstance(names, str):
        return names
    return tuple(name.strip() for name in names.split(",") if name.strip())


Names = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)]


class SecretFileSource(EnvSettingsSource):
    """Reads a setting from the file that `NAME_FILE` names, as container secrets are given."""

    def __init__(self, settings_cls: type[BaseSettings], dotenv: DotEnvSettingsSource) -> None:
        super().__init__(settings_cls)
        self._paths = {**dotenv.env_vars, **self.env_vars}

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self.settings_cls.model_fields:
            path = self._paths.get(f"{name}_file")
            if path:
                try:
                    if text := Path(path).read_text(encoding="utf-8").strip():
                        found[name] = text
                except (OSError, UnicodeDecodeError) as exc:
                    reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
                    raise ConfigError(
                        f"{name.upper()}_FILE names {path}, which cannot be read ({reason}): "
                        "mount the file or unset the variable"
                    ) from exc
        return found


class Settings(BaseSettings):
    """The settings of all services; each field's description is its line in `.env.example`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_backend: Literal["duckdb", "postgresql"] = Field(
        "duckdb", description="where rows are stored: duckdb (one process) or postgresql"
    )
    database_url: SecretStr | None = Field(
        None, description="postgresql://user:password@host:port/database; instead of POSTGRES_*"
    )
    postgres_host: str = Field("localhost", description="PostgreSQL server")
    postgres_port: int = Field(5432, ge=1, le=65535, description="PostgreSQL port")
    postgres_db: str = Field("economic_dashboard", description="PostgreSQL database")
    postgres_user: str = Field("dashboard_user", description="PostgreSQL user")
    postgres_password: SecretStr | None = Field(None, description="PostgreSQL password")
    postgres_loader_password: SecretStr | None = Field(
        None,
        description="password that `schema apply` lets loaders log in with, as econstream_loader; "
        "unset: it lets that role be",
    )
    postgres_processor_password: SecretStr | None = Field(
        None, description="the same for the processor, as econstream_processor"
    )
    postgres_api_password: SecretStr | None = Field(
        None, description="the same for the API, as econstream_api"
    )
    database_pool_size: int = Field(4, ge=1, le=100, description="PostgreSQL connections a service")
    database_wait_ms: int = Field(
        1_000,
        ge=1,
        le=60_000,
        description="how long a read waits while all connections are in use; then the API says 503",
    )
    duckdb_path: Path = Field(Path("data/econstream.duckdb"), description="the DuckDB file")
    duckdb_memory_limit: str = Field("1GB", description="memory that DuckDB may use")
    data_dir: Path = Field(Path("data"), description="where up.json and the broker's log are kept")

    kafka_bootstrap_servers: str | None = Field(
        None, description="host:port of the brokers; unset: up and demo start an embedded one"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to speak to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism"
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password")
    kafka_ssl_cafile: Path | None = Field(None, description="certificates to trust, PEM")
    kafka_topic_prefix: str = Field(
        "econ.", pattern=r"^[A-Za-z0-9._-]*$", description="what every topic's name begins with"
    )
    kafka_topic_partitions: int = Field(4, ge=1, le=1000, description="partitions of a new topic")
    kafka_replication_factor: int = Field(1, ge=1, le=9, description="replicas of a new topic")

    loader_group_id: str = Field("econstream-loader", description="consumer group of the loaders")
    loader_batch_rows: int = Field(
        10_000, ge=1, le=1_000_000, description="rows a transaction; unset: 40,000 in DuckDB"
    )
    loader_batch_ms: int = Field(
        200, ge=1, le=60_000, description="longest wait for a batch to fill"
    )
    loader_dead_letter_limit: float = Field(
        0.2, gt=0, le=1, description="share of dead letters that pauses a partition"
    )

    processor_group_id: str = Field(
        "econstream-processor", description="consumer group of the processors"
    )
    processor_outputs: Names = Field(
        None, description="datasets that the processor makes, comma separated; unset: all"
    )
    processor_store: Literal["memory", "rocksdb"] = Field(
        "memory",
        description="where the processor keeps its state: memory, or rocksdb in DATA_DIR (needs "
        "the extra rocksdb); a changelog topic restores either",
    )

    fred_api_key: SecretStr | None = Field(
        None, description="key for FRED, free at https://fred.stlouisfed.org/docs/api/api_key.html"
    )
    watchlist: Path = Field(
        Path("watchlist.toml"),
        description="which series, tickers and indices to fetch; where there is no such file, the "
        "list that ships, and `econstream watch add` makes it",
    )
    fetch_sources: Names = Field(None, description="sources to fetch, comma separated; unset: all")
    fetch_replay_dir: Path | None = Field(
        None, description="an archive of answers to replay once at the first start"
    )
    fetch_archive_dir: Path | None = Field(None, description="where raw answers are kept")
    fetch_local_hosts: Names = Field(
        None,
        description="hosts of your own network, comma separated, that sources may ask at private "
        "addresses and over plain http; unset: none",
    )

    api_host: str = Field("127.0.0.1", description="address that the API listens on")
    api_port: int = Field(8000, ge=0, le=65535, description="port that the API listens on")
    api_public_read: bool | None = Field(
        None, description="reads need no key; unset: true on loopback, else false"
    )
    api_key_pepper: SecretStr | None = Field(
        None,
        description="secret that digests of API keys are made with, 16 characters or more; unset: "
        "made in DATA_DIR where the API listens on loopback, and required elsewhere",
    )
    api_max_body_bytes: int = Field(
        64 << 20, ge=1024, description="largest body of rows, counted after decompression"
    )
    api_requests_per_minute: int = Field(
        60_000,
        ge=0,
        description="requests that one key, or one address without a key, may make in a minute; "
        "0: no limit",
    )
    api_statement_timeout_ms: int = Field(
        30_000, ge=100, description="longest time a query may run before its first rows"
    )
    api_cors_origins: Names = Field(
        None,
        description="origins whose pages may read the API in a browser, comma separated, such as "
        "https://notebooks.example.org; unset: none",
    )

    dashboard_host: str = Field("127.0.0.1", description="address that the dashboard listens on")
    dashboard_port: int = Field(
        8501, ge=0, le=65535, description="port of the dashboard; 0: none in up and demo"
    )
    dashboard_api_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="the API that the dashboard reads; unset: that of the up or demo that runs "
        "here, else http://127.0.0.1:API_PORT",
    )
    dashboard_api_public_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="that API as the readers' browsers and programs reach it, for the addresses "
        "that the dashboard shows; unset: as the dashboard reads it",
    )
    dashboard_api_key: SecretStr | None = Field(
        None, description="key of scope read that the dashboard sends, where the API wants one"
    )

    metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics; 0: none")
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s@]+$",
        description="OpenTelemetry collector that traces are sent to over http; unset: none",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level"
    )
    log_format: Literal["console", "json"] = Field("console", description="how log lines look")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        files = SecretFileSource(settings_cls, cast("DotEnvSettingsSource", dotenv_settings))
        return (init_settings, env_settings, files, dotenv_settings)

    @property
    def api_on_loopback(self) -> bool:
        """Whether the API listens where this machine alone reaches it."""
        try:
            return ip_address(self.api_host).is_loopback
        except ValueError:
            return self.api_host == "localhost"

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """All secrets that are set: what no log line may show."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value for value in values if isinstance(value, SecretStr))

    @property
    def postgres_dsn(self) -> SecretStr:
        """The address of PostgreSQL: DATABASE_URL, or put together from POSTGRES_*."""
        if self.database_url is not None:
            return self.database_url
        secret = self.postgres_password
        password = f":{quote(secret.get_secret_value(), safe='')}" if secret else ""
        place = f"{self.postgres_host}:{self.postgres_port}/{quote(self.postgres_db, safe='')}"
        return SecretStr(f"postgresql://{quote(self.postgres_user, safe='')}{password}@{place}")


OF_COMPOSE = {
    "ECONSTREAM_TAG": ("the image that docker-compose.yml builds and starts", "local"),
    "ECONSTREAM_REVISION": ("the commit that the image's label names", "unknown"),
    "SECRETS_DIR": ("the folder of its secrets, a file each", "./.secrets"),
    "KAFKA_CLUSTER_ID": ("the identity of its Kafka; `make up` makes one", ""),
    "GRAFANA_PORT": ("port that its Grafana has on this machine", "3000"),
}
"""What docker-compose.yml reads besides settings: each one's meaning and default."""


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`; `overrides` win.

    Raises ConfigError that names each wrong variable, without its value.
    """
    try:
        return Settings(**overrides)
    except (ValidationError, SettingsError) as exc:
        raise ConfigError(f"wrong settings: {_faults(exc)}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("wrong settings: .env is not UTF-8 text: write it anew") from exc


def env_example() -> str:
    """Return the text of `.env.example`: every setting, its meaning and its default."""
    lines = [
        "# The settings of all services with their defaults: copy this file to .env and change it.",
        "# NAME_FILE=/path reads NAME from a file, which is the way for secrets in containers.",
    ]
    for name, field in Settings.model_fields.items():
        default = str(field.default if field.default is not None else "")
        lines += ["", f"# {field.description}", f"#{name.upper()}={default}"]
    lines += ["", "# For docker-compose.yml alone."]
    for name, (meaning, default) in OF_COMPOSE.items():
        lines += ["", f"# {meaning}", f"#{name}={default}"]
    return "\n".join(lines) + "\n"


def _faults(exc: ValidationError | SettingsError) -> str:
    if isinstance(exc, SettingsError):
        return str(exc)
    return "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in exc.errors())
