"""Log lines for people and machines, in one format whoever writes them, and no secret in any."""

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO, cast
from urllib.parse import quote

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Format = Literal["console", "json"]

MASK = "***"
_NAMES = (
    r"(?:password|passwd|secret|token|api[_-]?key|pepper|authorization|cookie|crumb|credentials?)"
)
_SECRET_NAME = re.compile(rf"{_NAMES}$", re.IGNORECASE)
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s&"',;)}]+)"""
_IN_TEXT = (
    # scheme://user:password@host, where the password may itself hold / and @
    re.compile(r"""(://)[^\s/@:"'<>]*(?::[^\s"'<>]*)?(?=@)"""),
    re.compile(rf"({_NAMES}=){_VALUE}", re.IGNORECASE),
    re.compile(rf"""(["'][\w-]*{_NAMES}["']\s*:\s*){_VALUE}""", re.IGNORECASE),
    # An API key, whose visible beginning may be told.
    re.compile(r"(\bek_[0-9a-f]{12}_)[\w-]+"),
    re.compile(r"(\b(?:bearer|authorization: \w+)\s+)\S+", re.IGNORECASE),
)
_NOISY = (
    *("aiokafka", "asyncio", "asyncpg", "faust", "httpcore", "httpx", "kafka", "mode", "uvicorn"),
)
_known_secrets: tuple[str, ...] = ()


class _JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Marks that the lines of this process are JSON."""


def configure_logging(
    level: Level,
    log_format: Format,
    service: str,
    secrets: Iterable[SecretStr] = (),
    stream: TextIO | None = None,
) -> None:
    """Send all log lines of the process, the standard library's too, to `stream` (stderr).

    A terminal gets colours, a pipe plain text, `json` one object a line. `service` stands
    on each line unless structlog's context variables say another. `secrets` are masked
    wherever their text turns up. Calling it again replaces the configuration. Run uvicorn
    with `log_config=None`, or it puts its own in front.
    """
    global _known_secrets  # noqa: PLW0603  # logging is configured once a process, as logging is
    _known_secrets = _spellings(secrets)
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level]
    common = _common_processors(service)
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    formatter = _JsonFormatter if log_format == "json" else structlog.stdlib.ProcessorFormatter
    handler.setFormatter(
        formatter(
            foreign_pre_chain=common,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                _renderer(log_format, stream),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
    if number > logging.DEBUG:
        # With the broker away it logs thirty errors a second; shared.kafka says it once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def get_logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module: `log.info("batch_written", rows=10, topic=topic)`."""
    return cast("FilteringBoundLogger", structlog.stdlib.get_logger(name))


def bind(**context: str) -> None:
    """Put names and values on every further log line of this task."""
    structlog.contextvars.bind_contextvars(**context)


def report(message: str, *, failed: bool = False) -> None:
    """Write one redacted line for a person to stderr; a log line where the logs are JSON.

    That is of level error where something `failed`, else of level info.
    """
    line = " ".join(redact_text(message).split())
    handlers = logging.getLogger().handlers
    if any(isinstance(handler.formatter, _JsonFormatter) for handler in handlers):
        logger = get_logger("econstream")
        (logger.error if failed else logger.info)(line)
    else:
        sys.stderr.write(f"econstream: {line}\n")


def redact_text(text: str) -> str:
    """Return a text without the secrets in its URLs, assignments and dictionaries."""
    for secret in _known_secrets:
        text = text.replace(secret, MASK)
    for pattern in _IN_TEXT:
        text = pattern.sub(rf"\1{MASK}", text)
    return text


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what is named like a secret, is one, or holds one, at any depth."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.search(name) or isinstance(value, SecretStr):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", item) for item in value]
    return redact_text(value if isinstance(value, str) else str(value))


def _spellings(secrets: Iterable[SecretStr]) -> tuple[str, ...]:
    """The texts to mask, also as they stand in a URL; longest first, a short one masks too much."""
    plain = {secret.get_secret_value() for secret in secrets}
    spelled = plain | {quote(text, safe="") for text in plain}
    return tuple(sorted((text for text in spelled if len(text) >= 6), key=len, reverse=True))


def _common_processors(service: str) -> list[Processor]:
    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        name_service,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(log_format: Format, stream: TextIO) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


__all__ = ["Format", "Level", "bind", "configure_logging", "get_logger", "redact_text", "report"]
