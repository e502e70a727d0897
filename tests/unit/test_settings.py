"""Settings come from the environment, files and .env, and a wrong one is named, never shown."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.loader.app import transaction_rows
from shared.errors import ConfigError
from shared.settings import OF_COMPOSE, Settings, env_example, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder, where .env counts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    return tmp_path


def test_without_any_setting_there_are_defaults() -> None:
    settings = load_settings()
    assert settings.database_backend == "duckdb"
    assert settings.kafka_bootstrap_servers is None
    assert settings.kafka_topic_prefix == "econ."
    assert settings.loader_batch_rows == 10_000
    assert settings.loader_dead_letter_limit == 0.2
    assert settings.fetch_sources is None
    assert settings.secrets == ()


def test_a_transaction_in_duckdb_takes_more_rows_unless_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOADER_BATCH_ROWS", "")
    assert transaction_rows(load_settings()) == 40_000
    assert transaction_rows(load_settings(database_backend="postgresql")) == 10_000
    monkeypatch.setenv("LOADER_BATCH_ROWS", "10000")
    assert transaction_rows(load_settings()) == 10_000


def test_the_environment_wins_over_a_file_over_dotenv(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("POSTGRES_PASSWORD=dotenv\nPOSTGRES_USER=dotenv\nPOSTGRES_DB=d\n")
    (folder / "password").write_text("from file\n")
    (folder / "user").write_text("from file\n")
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", str(folder / "password"))
    monkeypatch.setenv("POSTGRES_USER_FILE", str(folder / "user"))
    monkeypatch.setenv("POSTGRES_USER", "environment")
    settings = load_settings()
    assert settings.postgres_password == SecretStr("from file")
    assert settings.postgres_user == "environment"
    assert settings.postgres_db == "d"
    assert load_settings(postgres_user="given").postgres_user == "given"


def test_dotenv_may_name_a_file_too(folder: Path) -> None:
    (folder / "key").write_text("abc\n")
    (folder / ".env").write_text("FRED_API_KEY_FILE=key\n")
    assert load_settings().fred_api_key == SecretStr("abc")


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "")
    monkeypatch.setenv("FRED_API_KEY_FILE", "")
    assert load_settings().api_port == 8000


def test_an_empty_file_is_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key").write_text("\n")
    monkeypatch.setenv("FRED_API_KEY_FILE", str(folder / "key"))
    assert load_settings().fred_api_key is None


def test_sources_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FETCH_SOURCES", " FRED, CBOE,,")
    assert load_settings().fetch_sources == ("FRED", "CBOE")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_BACKEND", "mysql-hunter2"),
        ("POSTGRES_PORT", "hunter2"),
        ("POSTGRES_PORT", "0"),
        ("API_PORT", "65536"),
        ("LOADER_BATCH_ROWS", "0"),
        ("LOADER_DEAD_LETTER_LIMIT", "1.5"),
        ("KAFKA_TOPIC_PREFIX", "hunter2 hunter2"),
        ("KAFKA_SECURITY_PROTOCOL", "hunter2"),
        ("API_PUBLIC_READ", "hunter2"),
        ("LOG_LEVEL", "hunter2"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "x")
    monkeypatch.setenv("METRICS_PORT", "y")
    with pytest.raises(ConfigError, match=r"API_PORT.*METRICS_PORT"):
        load_settings()


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRED_API_KEY_FILE", str(folder / "missing"))
    with pytest.raises(ConfigError, match=r"FRED_API_KEY_FILE names .*missing.*No such file"):
        load_settings()
    (folder / "missing").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings()


def test_a_dotenv_that_is_no_text_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env"):
        load_settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_PASSWORD", "FRED_API_KEY", "KAFKA_SASL_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    settings = load_settings()
    for text in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.secrets)):
        assert "hunter2" not in text
    assert len(settings.secrets) == 4


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "postgresql://dashboard_user@localhost:5432/economic_dashboard"),
        (
            {"postgres_user": "a@b", "postgres_password": "p:/@ ?", "postgres_db": "d/e"},
            "postgresql://a%40b:p%3A%2F%40%20%3F@localhost:5432/d%2Fe",
        ),
        ({"database_url": "postgresql://x/y", "postgres_host": "z"}, "postgresql://x/y"),
    ],
)
def test_the_address_of_postgresql(given: dict[str, str], expected: str) -> None:
    assert load_settings(**given).postgres_dsn.get_secret_value() == expected


def test_the_example_lists_every_setting_with_its_default(folder: Path) -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example(), (
        "write it anew: python -c 'from shared.settings import env_example; "
        'print(env_example(), end="")\' > .env.example'
    )
    lines = env_example().splitlines()
    assert [line[1:].split("=")[0] for line in lines if line[:1] == "#" and line[1:2] != " "] == [
        *(name.upper() for name in Settings.model_fields),
        *OF_COMPOSE,
    ]
    (folder / ".env").write_text(env_example().replace("\n#", "\n").replace("\n ", "\n# "))
    assert load_settings() == Settings(_env_file=None)


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


def test_what_compose_reads_is_in_the_example() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    read = set(re.findall(r"\$\{(\w+)", compose))
    assert read <= {*OF_COMPOSE, *(name.upper() for name in Settings.model_fields)}
    assert read >= OF_COMPOSE.keys()


NOT_OF_COMPOSE = {
    *("DATABASE_URL", "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME"),
    *("KAFKA_SASL_PASSWORD", "KAFKA_SSL_CAFILE", "KAFKA_TOPIC_PREFIX", "KAFKA_REPLICATION_FACTOR"),
    *("PROCESSOR_GROUP_ID", "PROCESSOR_OUTPUTS", "PROCESSOR_STORE"),
    # The image's own.
    "DUCKDB_PATH",
}
"""Settings of another deployment: other brokers, other databases, other processors."""


def test_what_dotenv_says_counts_in_compose_too() -> None:
    """A setting is either said by docker-compose.yml or handed on from .env."""
    text = (ROOT / "docker-compose.yml").read_text()
    said = set(re.findall(r"^ +([A-Z_]+?)(?:_FILE)?:", text, re.MULTILINE))
    read = set(re.findall(r"\$\{([A-Z_]+)", text))
    settings = {name.upper() for name in Settings.model_fields}
    assert settings - said - read == NOT_OF_COMPOSE
    assert read <= settings | set(OF_COMPOSE)
