"""Traces: a span for each request at a collector that listens here, and no harm from one that is away or hangs."""

from __future__ import annotations

import http.server
import os
import signal
import threading
from contextlib import contextmanager

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from passport_service.access import new_key

from .load import Load
from .patience import PATIENCE, until
from .servers import Hostile, free_port, hang, workers_of
from .servers import serving as serving_law
from .small_law import PROPOSAL, write
from .test_cli import passport
from .test_numbers import BROKEN

KEY, MADE = new_key("desk", ["admin"])
TELLING = PROPOSAL | {"as_of": "2026-11-24", "registration": {"home": "GB"}, "client": {"kind": "bank", "since": "2025-03-04"}}
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
AT_THE_END_ALONE = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}  # milliseconds


@pytest.fixture(scope="module")
def law(tmp_path_factory):
    return write(tmp_path_factory.mktemp("law"))


@contextmanager
def collecting():
    """A collector. Shapes: (settings that lead there, spans that have come as (resource, span))."""
    spans = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            found = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/traces"
            spans.extend((part.resource, span) for part in found.resource_spans for scope in part.scope_spans for span in scope.spans)
            said = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield tracing(f"http://127.0.0.1:{server.server_port}"), spans
        finally:
            server.shutdown()
            thread.join(PATIENCE)


def tracing(address: str) -> dict[str, str]:
    return {"PASSPORT_OTEL": "yes", "OTEL_EXPORTER_OTLP_ENDPOINT": address, "PASSPORT_WATCH": "0"}


def serving(law, **settings):
    return serving_law(law, PASSPORT_API_KEYS=MADE.line(), PASSPORT_RATE="", **settings)


def ask(address, path="/v1/decisions", **headers):
    return requests.post(address + path, json=TELLING, headers={"Authorization": f"Bearer {KEY}", **headers}, timeout=PATIENCE)


def attributes(of) -> dict:
    return {row.key: getattr(row.value, row.value.WhichOneof("value")) for row in of.attributes}


def named(spans, request_id):
    """The span of a request, with what is known of its process."""
    return next(((resource, span) for resource, span in list(spans) if attributes(span).get("passport.request_id") == request_id), None)


def test_each_request_gives_a_span_under_the_callers_with_the_decision_and_its_status(law):
    with collecting() as (settings, spans), serving(law, **settings, OTEL_SERVICE_NAME="desk-passport") as (_, address):
        answer = ask(address, traceparent=f"00-{TRACE}-{CALLER}-01", **{"X-Request-Id": "r-1"})
        resource, span = until(lambda: named(spans, "r-1"), "no span arrived")
        assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("POST /v1/decisions", TRACE, CALLER)
        assert answer.headers["traceparent"] == f"00-{TRACE}-{span.span_id.hex()}-01"
        assert attributes(span) == {
            "http.request.method": "POST",
            "url.path": "/v1/decisions",
            "url.scheme": "http",
            "http.response.status_code": 200,
            "passport.request_id": "r-1",
            "passport.caller": "desk",
            "passport.decision.id": answer.json()["id"],
            "passport.decision.status": answer.json()["status"],
            "passport.cache": "miss",
        }
        assert attributes(resource)["service.name"] == "desk-passport" and span.end_time_unix_nano > span.start_time_unix_nano


def test_spans_of_every_worker_arrive_also_of_those_that_other_law_brought(law):
    with collecting() as (settings, spans), serving(law, **settings) as (process, address):
        workers = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        process.send_signal(signal.SIGHUP)
        until(lambda: not set(workers) & set(workers_of(process.pid)))
        with Load(address, [(b'{"host": "US"}', None)], headers={"Authorization": f"Bearer {KEY}"}) as load:
            load.goes_on(100)
        until(lambda: sum(span.name == "POST /v1/decisions" for _, span in list(spans)) == len(load.seconds))
        assert load.wrong == [] and {attributes(resource)["service.name"] for resource, _ in spans} == {"passport"}


def test_spans_hold_neither_facts_nor_queries_nor_keys(law):
    with collecting() as (settings, spans), serving(law, **settings) as (_, address):
        ask(address)
        requests.get(f"{address}/result?p=secret-2025-03-04", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE)
        requests.request("BREW", f"{address}/v1/facts", headers={"Authorization": "Bearer secret-key"}, timeout=PATIENCE)
        until(lambda: len(spans) >= 4)
        text = "".join(f"{resource}{span}" for resource, span in spans)
        for secret in ("2025-03-04", "2500000", KEY, MADE.digest, "secret", "bank", "BREW"):
            assert secret not in text
        assert "other /v1/" in {span.name for _, span in spans}


def test_a_fault_of_ours_is_marked_as_one(law, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    with collecting() as (settings, spans), serving(law, PYTHONPATH=path, **settings) as (_, address):
        for page, id_ in (("/law/US", "r-fault"), ("/v1/rulebooks/XX", "r-mistake")):
            requests.get(address + page, headers={"Authorization": f"Bearer {KEY}", "X-Request-Id": id_}, timeout=PATIENCE)
        (_, fault), (_, mistake) = (until(lambda id_=id_: named(spans, id_)) for id_ in ("r-fault", "r-mistake"))
        assert attributes(fault)["http.response.status_code"] == 500 and fault.status.code == fault.status.STATUS_CODE_ERROR
        assert attributes(mistake)["http.response.status_code"] == 404 and mistake.status.code == mistake.status.STATUS_CODE_UNSET


def test_what_waits_is_sent_when_a_worker_ends(law):
    with collecting() as (settings, spans):
        with serving(law, **settings, **AT_THE_END_ALONE) as (process, address):
            ask(address, **{"X-Request-Id": "r-1"})
            assert named(spans, "r-1") is None
            process.send_signal(signal.SIGHUP)
            until(lambda: named(spans, "r-1"))
            ask(address, **{"X-Request-Id": "r-2"})
        assert named(spans, "r-2")


@pytest.mark.parametrize("how", ["away", "hung"])
def test_a_collector_that_is_away_or_hangs_delays_neither_answers_nor_the_end(law, how):
    """Whoever waited for it would wait for an hour."""
    with Hostile(hang) as collector:
        address = collector.url.replace("redis", "http") if how == "hung" else f"http://127.0.0.1:{free_port()}"
        settings = tracing(address) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "3600", "OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_QUEUE_SIZE": "20"}
        with serving(law, **settings, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10") as (process, address):
            with Load(address, [(b'{"host": "US"}', None)], headers={"Authorization": f"Bearer {KEY}"}) as load:
                if how == "hung":
                    until(lambda: collector.open)
                load.goes_on(200)
            assert load.wrong == []
        assert process.returncode == 0


def test_where_it_is_not_installed_the_service_says_so_and_does_not_start(law, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['opentelemetry'] = None\n")
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    missing = passport("serve", config=law, PYTHONPATH=path, PASSPORT_OTEL="yes", PASSPORT_REDIS_URL="", PORT=str(free_port()))
    assert missing.returncode == 1 and b"the extra `otel`" in missing.stderr
