"""Traces by OpenTelemetry: a span for each request, sent in the background to where the OTEL_ variables say.

A span holds what a request line holds: no facts, no identifiers, no keys, and the path without its query. A collector that is away or
hangs costs spans: a queue of bounded length is emptied by a thread of its own, and no request ever waits for it. Importing this module
needs the extra `otel`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from werkzeug.wsgi import ClosingIterator

from . import __version__
from .metrics import method_label, path_label
from .witness import CALLER, DECIDED, REQUEST_ID

FLUSH = 2.0  # seconds that a worker which ends gives to spans that still wait
_TRACEPARENT = "HTTP_TRACEPARENT"
_CONTEXT = TraceContextTextMapPropagator()


class Tracing:
    """An application before another, which it traces once `begin` was called."""

    def __init__(self, app: Callable[..., Iterable[bytes]]):
        self.app = app
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None

    def begin(self) -> None:
        """In the process that answers: what sends the spans is a thread, and threads do not survive a fork."""
        ours = Resource.create({"service.name": "passport", "service.version": __version__})
        self._provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("passport", __version__)

    def end(self) -> None:
        """Before the process ends: what waits is sent, if that can be done soon."""
        if self._provider is not None:
            sending = threading.Thread(target=self._provider.shutdown, name="passport-spans", daemon=True)
            sending.start()
            sending.join(FLUSH)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if self._tracer is None:
            return self.app(environ, start)
        span = _span(self._tracer, environ)
        statuses: list[int] = []

        def answered(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            statuses.append(int(status[:3]))
            return start(status, headers, *error)

        def ended() -> None:
            _describe(span, environ, statuses[-1] if statuses else 500)
            span.end()

        try:
            return ClosingIterator(self.app(environ, answered), ended)
        except BaseException:
            ended()
            raise


def _span(tracer: Tracer, environ: dict[str, Any]) -> Span:
    """A span under the caller's, if it names one; to whoever comes after us, and to the caller, ours is named in its place."""
    path, method = environ["PATH_INFO"], method_label(environ["REQUEST_METHOD"])
    attributes = {"http.request.method": method, "url.path": path[:200], "url.scheme": environ["wsgi.url_scheme"]}
    above = _CONTEXT.extract({"traceparent": environ.get(_TRACEPARENT, "")})
    span = tracer.start_span(f"{method} {path_label(path)}", context=above, kind=SpanKind.SERVER, attributes=attributes)
    named: dict[str, str] = {}
    _CONTEXT.inject(named, set_span_in_context(span))
    if "traceparent" in named:
        environ[_TRACEPARENT] = named["traceparent"]
    return span


def _describe(span: Span, environ: dict[str, Any], status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    for name, key in (("passport.request_id", REQUEST_ID), ("passport.caller", CALLER)):
        if environ.get(key):
            span.set_attribute(name, environ[key])
    if DECIDED in environ:
        finished, how = environ[DECIDED]
        span.set_attributes({"passport.decision.id": finished.id, "passport.decision.status": finished.status, "passport.cache": how})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
