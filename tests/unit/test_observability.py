"""Log lines have one form, whoever writes them, and never hold a secret."""

import io
import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.observability import Format, configure_logging, get_logger, redact_text, report
from tests.strategies import examples

SECRET = "hunter2-hunter2"
PLANTED = [
    f"postgresql://user:{SECRET}@host:5432/db",
    f"postgresql://user:a/b@{SECRET}@host/db?sslmode=require",
    f"postgresql://{SECRET}@host/db",
    f"https://api.example/obs?api_key={SECRET}&series_id=GDP",
    f"https://api.example/obs?series_id=GDP&crumb={SECRET}",
    f"FRED_API_KEY={SECRET}",
    f"user=u password='{SECRET} x' host=h",
    f"{{'api_key': '{SECRET}', 'a': 1}}",
    f'{{"a": 1, "x_token": "{SECRET}"}}',
    f"Authorization: Bearer {SECRET}",
    f"authorization: Basic {SECRET}",
]


def logged(log_format: Format = "json", level: Any = "INFO", **kwargs: Any) -> io.StringIO:
    """Configure logging into a buffer and return it."""
    stream = io.StringIO()
    configure_logging(level, log_format, "loader", stream=stream, **kwargs)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_says_what_happened_where() -> None:
    stream = logged()
    get_logger("shared.x").info("batch_written", rows=3, topic="econ.fred_data")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "batch_written",
        "level": "info",
        "logger": "shared.x",
        "rows": 3,
        "service": "loader",
        "topic": "econ.fred_data",
    }


def test_the_standard_library_logs_in_the_same_form() -> None:
    stream = logged()
    logging.getLogger("lib").warning("lost %s of %d", "one", 2)
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("lost one of 2", "warning", "lib")
    assert line["service"] == "loader"


def test_plain_lines_have_no_colours_off_a_terminal() -> None:
    stream = logged("console")
    get_logger("x").info("started", port=8000)
    assert "started" in stream.getvalue()
    assert "port=8000" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_levels_hold_and_noisy_libraries_keep_quiet() -> None:
    stream = logged(level="INFO")
    get_logger("x").debug("detail")
    for name in ("uvicorn.access", "httpx", "asyncpg.pool", "aiokafka.consumer"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in lines(stream)] == ["trouble"]


def test_a_part_of_a_process_may_call_itself_by_its_own_name() -> None:
    stream = logged()
    with structlog.contextvars.bound_contextvars(service="fetcher"):
        get_logger("x").info("a")
        logging.getLogger("y").error("b")
    assert [line["service"] for line in lines(stream)] == ["fetcher", "fetcher"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_secret_never_comes_out(text: str, log_format: Format) -> None:
    stream = logged(log_format)
    log = get_logger("x")
    log.info(text)
    log.info("e", url=text, deep={"list": [text, {"a": (text,)}]}, error=ValueError(text))
    logging.getLogger("lib").error("failed: %s", text)
    try:
        try:
            raise ConnectionError(text)
        except ConnectionError as exc:
            raise RuntimeError(f"wrapped {text}") from exc
    except RuntimeError:
        log.exception("crashed")
        logging.getLogger("lib").exception("crashed")
    assert SECRET not in stream.getvalue()
    assert "crashed" in stream.getvalue()
    assert "ConnectionError" in stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "POSTGRES_PASSWORD",
        "api_key",
        "apiKey",
        "x-api-key",
        "token",
        "cookie",
        "pepper",
    ],
)
def test_what_is_named_like_a_secret_is_masked(name: str) -> None:
    stream = logged()
    get_logger("x").info("e", **{name: SECRET}, nested={name: [SECRET]}, safe=SecretStr(SECRET))
    assert SECRET not in stream.getvalue()


def test_a_known_secret_is_masked_wherever_it_turns_up() -> None:
    stream = logged(secrets=[SecretStr("p ss/wörd"), SecretStr("")])
    get_logger("x").info("got p ss/wörd back", url="x://h/p%20ss%2Fw%C3%B6rd", keyless="ab")
    assert "wörd" not in stream.getvalue()
    assert "%C3" not in stream.getvalue()
    assert lines(stream)[0]["event"] == "got *** back"


@pytest.mark.parametrize(
    "text",
    [
        "wrote 10 rows of econ.fred_data at offset 5",
        "https://api.example:8080/obs?series_id=GDP&limit=5",
        "FRED_API_KEY: Field required",
        "mail a@b.example",
        "key=AAPL partition=3",
        "a message without token or password",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@examples(100)
@given(text=st.text(), password=st.from_regex(r"[a-zA-Z0-9!$%^*]{8,20}", fullmatch=True))
def test_no_password_of_a_url_survives(text: str, password: str) -> None:
    redacted = redact_text(f"{text} postgresql://u:{password}@h/d {text}")
    assert f":{password}@" not in redacted


def test_a_report_is_one_line_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    report(f"cannot reach\n x://u:{SECRET}@h")
    assert capsys.readouterr().err == "econstream: cannot reach x://***@h\n"


def test_a_report_is_a_log_line_where_the_logs_are_json() -> None:
    stream = logged("json")
    report("FRED_API_KEY is missing", failed=True)
    report("watchlist.toml is made")
    assert [(line["event"], line["level"]) for line in lines(stream)] == [
        ("FRED_API_KEY is missing", "error"),
        ("watchlist.toml is made", "info"),
    ]
