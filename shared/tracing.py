"""Traces of a record from its source to the store and out of the API; idle unless asked for.

OpenTelemetry is imported only where spans are sent. The context travels in the header
`traceparent` of records and requests, as W3C Trace Context writes it.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any, Literal, Protocol

import structlog

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attribute = str | int | float | bool | tuple[str, ...] | tuple[int, ...]

LINKS = 32
"""So many traces at most are linked to a span that works on records of many."""

_SEND_SECONDS = 5
_HEADER = "traceparent"


class Span(Protocol):
    """Work under way that is traced, or would be."""

    def note(self, **attributes: Attribute) -> None:
        """Add what became known of it; a name's double underscores stand for dots."""

    def rename(self, name: str) -> None:
        """Give it the name that became known."""

    def within(self) -> AbstractContextManager[object]:
        """Make what is begun in the block a part of it, and put its trace on the log's lines."""

    def end(self) -> None:
        """Say that it is over, once."""


class _NoSpan:
    def note(self, **attributes: Attribute) -> None: ...

    def rename(self, name: str) -> None: ...

    def within(self) -> AbstractContextManager[object]:
        return nullcontext()

    def end(self) -> None: ...


class _Tracing:
    """Spans by one provider of OpenTelemetry."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._tracer = provider.get_tracer("econstream")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, kind: Kind, parents: Iterable[str]) -> "_RealSpan":
        contexts = [self._propagator.extract({_HEADER: text}) for text in islice(parents, LINKS)]
        spans = [self._trace.get_current_span(context).get_span_context() for context in contexts]
        known = [span for span in spans if span.is_valid]
        # Of one trace it is a part; of several it can only say that it belongs to each.
        alone = len({span.trace_id for span in known}) == 1
        span = self._tracer.start_span(
            name,
            context=contexts[spans.index(known[0])] if alone else None,
            kind=self._trace.SpanKind[kind.upper()],
            links=[self._trace.Link(each) for each in known[alone:]],
        )
        return _RealSpan(self._trace, span)

    def header(self) -> str | None:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get(_HEADER)


class _RealSpan:
    def __init__(self, trace: Any, span: Any) -> None:
        self._trace = trace
        self._span = span

    def note(self, **attributes: Attribute) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(name.replace("__", "."), value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    @contextmanager
    def within(self) -> Iterator[None]:
        trace_id = f"{self._span.get_span_context().trace_id:032x}"
        # What an error says may hold a secret: its kind has to do.
        with (
            structlog.contextvars.bound_contextvars(trace_id=trace_id),
            self._trace.use_span(self._span, record_exception=False, set_status_on_exception=False),
        ):
            try:
                yield
            except Exception as exc:
                self.note(error__type=type(exc).__name__)
                self._span.set_status(self._trace.StatusCode.ERROR)
                raise

    def end(self) -> None:
        self._span.end()


_tracing: _Tracing | None = None


@contextmanager
def tracing(endpoint: str | None, service: str) -> Iterator[None]:
    """Send spans to the OTLP collector at an http(s) address while the block runs; None: nothing.

    Within another such block it changes nothing. Leaving the block sends what waits, which
    blocks for some seconds at most.
    A collector that is away costs the spans and a line in the log, and holds nothing up.
    """
    global _tracing  # noqa: PLW0603  # one a process, as the log's configuration is
    if endpoint is None or _tracing is not None:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_SECONDS)
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"econstream-{service}"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracing = _Tracing(provider)
    try:
        yield
    finally:
        _tracing = None
        provider.force_flush(_SEND_SECONDS * 1000)
        provider.shutdown()


def is_tracing() -> bool:
    """Return whether spans are sent, so that looking for their parents is worth it."""
    return _tracing is not None


def begin_span(
    name: str, *, kind: Kind = "internal", parents: Iterable[str] = (), **attributes: Attribute
) -> Span:
    """Begin work that is to be traced; its `end` must be called.

    It is a part of the one trace that `parents`, values of traceparent, name, and linked to each
    where they name several; without any it is a part of what it is begun within.
    """
    if _tracing is None:
        return _NoSpan()
    span = _tracing.begin(name, kind, parents)
    span.note(**attributes)
    return span


@contextmanager
def span(
    name: str, *, kind: Kind = "internal", parents: Iterable[str] = (), **attributes: Attribute
) -> Iterator[Span]:
    """Trace the block as `begin_span` says; an error that leaves it is noted by its kind."""
    begun = begin_span(name, kind=kind, parents=parents, **attributes)
    try:
        with begun.within():
            yield begun
    finally:
        begun.end()


def traceparent() -> str | None:
    """Return the header that makes what another process does a part of this work, if traced."""
    return _tracing.header() if _tracing is not None else None
