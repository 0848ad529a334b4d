"""Traces by OpenTelemetry: one holds a push and what each stage made of it.

An extra (``pip install copydesk[otel]``), off and not even imported unless asked for. A push's place in its
trace lies with its submission in the ledger, since a message is only a wake-up. Spans carry ids and words, as
logs do, and never text or queries.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import structlog

from shared.errors import BadSettings
from shared.ledger.port import Claim, Outcome
from shared.log import get_logger

if TYPE_CHECKING:
    from flask import Flask, Response
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

VARIABLE: Final = "COPYDESK_OTEL"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
INSTALL: Final = "install the extra: pip install copydesk[otel]"
QUIET: Final = frozenset(("/healthz", "/readyz", "/metrics"))  # asked every few seconds by probes
_SPAN: Final = "copydesk-span"


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Whether traces were asked for: ``COPYDESK_OTEL``, else whether a collector is named.

    ``OTEL_SDK_DISABLED=true`` says no to both.

    Raises ``BadSettings`` when the variable is neither on nor off.
    """
    word = environ.get(VARIABLE, "").strip().lower()
    if word not in ("", "on", "off"):
        raise BadSettings(f"{VARIABLE} must be on or off, not {word!r}")
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":  # OpenTelemetry's own way to say off
        return False
    return word == "on" or (word == "" and any(environ.get(name) for name in ENDPOINTS))


def open_tracing(part: str, environ: Mapping[str, str] | None = None) -> Tracing | None:
    """Traces of one part of Copydesk, such as ``ingest``, to the collector that ``OTEL_*`` names; None: off.

    Raises ``BadSettings`` when they are switched on without the extra. Where only a collector is named, which
    platforms do unasked, that is logged instead. To be called after a fork: the exporter has a thread.
    """
    environ = os.environ if environ is None else environ
    if not is_wanted(environ):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: F401 - whether all of it is there
    except ImportError as error:
        if environ.get(VARIABLE):
            raise BadSettings(f"{VARIABLE} is on without OpenTelemetry ({error}); {INSTALL}") from error
        get_logger().warning("no traces, though a collector is named", advice=INSTALL)
        return None
    return Tracing(part, OTLPSpanExporter())


class Tracing:
    """Makes the spans of one process and sends them to ``exporter``, in batches unless ``at_once``."""

    def __init__(self, part: str, exporter: SpanExporter, *, at_once: bool = False) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        name = os.environ.get("OTEL_SERVICE_NAME") or f"copydesk-{part}"
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.version": _version()})
        )
        processor = SimpleSpanProcessor(exporter) if at_once else BatchSpanProcessor(exporter)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("copydesk", _version())
        self._propagator = TraceContextTextMapPropagator()

    def begin_request(self, name: str, given: str | None, request: str) -> Span:
        """A span of a request by its method and route; ``given`` is the caller's traceparent, if any."""
        from opentelemetry.trace import SpanKind

        attributes = {"copydesk.request": request}
        return self._tracer.start_span(name, self._context(given), SpanKind.SERVER, attributes)

    def traceparent(self, span: Span) -> str:
        """The place of a span in its trace, as W3C writes it in a header."""
        from opentelemetry.trace import set_span_in_context

        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span))
        return carrier["traceparent"]

    def tell_stage(
        self, claim: Claim, outcomes: Sequence[Outcome], worker: str, began_ns: int, ended_ns: int
    ) -> None:
        """One span for each article of a batch whose push was traced, in the trace of that push.

        A batch takes articles of many pushes, so its time (nanoseconds since the epoch) is that of each.
        """
        from opentelemetry.trace import SpanKind, Status, StatusCode

        words = {outcome.sequence: outcome for outcome in outcomes}
        for work in claim.works:
            outcome = words.get(work.sequence)
            if work.origin.traceparent is None or outcome is None:
                continue
            span = self._tracer.start_span(
                claim.stage, self._context(work.origin.traceparent), SpanKind.CONSUMER, start_time=began_ns,
                attributes={
                    "copydesk.article": work.article_id, "copydesk.submission": work.submission,
                    "copydesk.request": work.origin.request or "", "copydesk.word": outcome.word,
                    "copydesk.batch": len(claim.works), "copydesk.worker": worker,
                },
            )  # fmt: skip
            if outcome.word == "failed":
                span.set_status(Status(StatusCode.ERROR))
            span.end(ended_ns)

    def close(self) -> None:
        """Send what is waiting, and stop."""
        self._provider.shutdown()

    def _context(self, traceparent: str | None) -> Context | None:
        # What is no traceparent begins a trace of its own.
        return self._propagator.extract({"traceparent": traceparent}) if traceparent else None


def trace_requests(app: Flask, tracing: Tracing | None) -> None:
    """Make a span of every request but probes, under the caller's own where it sends a traceparent.

    Its place is bound to the request beside the request id: logs show it, and submissions keep it.
    """
    if tracing is None:
        return
    from flask import g, request

    def begin() -> None:
        if request.path in QUIET:
            return
        route = request.url_rule.rule if request.url_rule else "(no route)"
        span = tracing.begin_request(
            f"{request.method} {route}", request.headers.get("traceparent"), g.request_id
        )
        setattr(g, _SPAN, span)
        structlog.contextvars.bind_contextvars(traceparent=tracing.traceparent(span))

    def note(response: Response) -> Response:
        if (span := g.get(_SPAN)) is not None:
            _note(span, request.method, response.status_code)
        return response

    def end(_: BaseException | None) -> None:
        if (span := g.pop(_SPAN, None)) is not None:
            span.end()

    app.before_request(begin)
    app.after_request(note)
    app.teardown_request(end)


def _note(span: Any, method: str, status: int) -> None:  # noqa: ANN401 - the type is the extra's
    from opentelemetry.trace import Status, StatusCode

    span.set_attributes({"http.request.method": method, "http.response.status_code": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def _version() -> str:
    try:
        return version("copydesk")
    except PackageNotFoundError:
        return "0"
