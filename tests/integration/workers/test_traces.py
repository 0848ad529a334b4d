"""One trace holds a push and what every stage made of it; searches have traces of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from services.workers.parts import Parts
from services.workers.runner import StageRunner
from shared.messages import STAGES
from shared.tracing import Tracing
from tests.integration.service import run_ingest, run_search

from .conftest import free_port, make_raw, replace, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
ITEM = {"uri": "one", "source": "paper.example", "title": "Quay", "body": make_raw(1).body}
OTHER = {"uri": "two", "source": "paper.example", "title": "Pier", "body": make_raw(2).body}
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def run_stages(newsroom: Any, tracing: Tracing | None) -> None:
    """Take what waits through all four stages, as a worker process does."""
    parts = Parts(newsroom.settings)
    parts.__dict__["tracing"] = tracing
    parts.fingerprints.mark_ready()
    for number, stage in enumerate(STAGES):
        StageRunner(stage, parts).run("live", f"{number:032x}")
    parts.__dict__.pop("tracing")
    parts.close()


def test_one_trace_holds_the_push_and_its_stages(newsroom: Any, spans: InMemorySpanExporter) -> None:
    tracing = Tracing("test", spans, at_once=True)
    client = create_ingest(newsroom.settings, newsroom.ledger, newsroom.waker, tracing).test_client()
    pushed = client.post("/v1/articles", json=ITEM, headers={"X-Request-Id": "p1"}).json
    client.post("/v1/articles", json=OTHER, headers={"X-Request-Id": "p2", "traceparent": CALLER})
    run_stages(newsroom, tracing)
    found = spans.get_finished_spans()
    traces: dict[int, list[Any]] = {}
    for span in found:
        traces.setdefault(span.context.trace_id, []).append(span)
    assert len(traces) == 2
    for request, of_it in zip(("p1", "p2"), traces.values(), strict=True):
        push, *stages = sorted(of_it, key=lambda span: span.start_time)
        assert push.name == "POST /v1/articles"
        assert [span.name for span in stages] == list(STAGES)
        assert {span.parent.span_id for span in stages} == {push.context.span_id}
        assert {span.attributes["copydesk.request"] for span in of_it} == {request}
        assert [span.attributes["copydesk.word"] for span in stages] == [
            "cleaned", "deduped", "tagged", "indexed",
        ]  # fmt: skip
        assert all(span.start_time <= span.end_time for span in of_it)
    assert int(CALLER.split("-")[1], 16) == list(traces)[1]  # the caller's own goes on
    assert stages[0].attributes["copydesk.batch"] == 2
    first = next(iter(traces.values()))
    assert {span.attributes["copydesk.article"] for span in first if span.name == "clean"} == {pushed["id"]}
    told = "".join(span.to_json() for span in found)
    assert "harbour" not in told.lower()


def test_a_search_has_a_span_with_its_route_and_without_its_query(
    newsroom: Any, spans: InMemorySpanExporter
) -> None:
    tracing = Tracing("test", spans, at_once=True)
    app = create_search(newsroom.settings, ledger=newsroom.ledger, tracing=tracing)
    client = app.test_client()
    assert client.get("/v1/search?q=arrested").status_code == 200
    assert client.get("/v1/search?q=(").status_code == 400
    client.get("/healthz")
    good, bad = spans.get_finished_spans()
    assert (good.name, good.attributes["http.response.status_code"]) == ("GET /v1/search", 200)
    assert bad.attributes["http.response.status_code"] == 400
    assert "arrested" not in good.to_json()


def test_a_push_that_was_not_traced_makes_no_spans_of_stages(
    newsroom: Any, spans: InMemorySpanExporter
) -> None:
    client = create_ingest(newsroom.settings, newsroom.ledger, newsroom.waker).test_client()
    client.post("/v1/articles", json=ITEM)
    run_stages(newsroom, Tracing("test", spans, at_once=True))
    assert newsroom.ledger.counts() == {"indexed": 1}
    assert spans.get_finished_spans() == ()


class Collector(ThreadingHTTPServer):
    """Takes what an OpenTelemetry collector would, over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Take)
        self.spans: list[tuple[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Take(BaseHTTPRequestHandler):
    """One export."""

    server: Collector

    def do_POST(self) -> None:
        given = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in given.resource_spans:
            facts = {fact.key: fact.value.string_value for fact in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.server.spans += [(facts["service.name"], span) for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.slow
def test_real_services_and_workers_send_one_trace_to_a_collector(
    newsroom: Any, collector: Collector, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    settings = replace(newsroom.settings, ingest_port=free_port(), search_port=free_port())
    newsroom.start_small()
    with run_ingest(settings, tmp_path / "ingest.log"), run_search(settings, tmp_path / "search.log"):
        pushed = httpx.post(f"http://127.0.0.1:{settings.ingest_port}/v1/articles", json=ITEM)
        assert pushed.status_code == 202
        httpx.get(f"http://127.0.0.1:{settings.search_port}/v1/search?q=quay")
        wait_until(lambda: len(collector.spans) >= 6, "six spans")
    push = next(span for name, span in collector.spans if name == "copydesk-ingest")
    stages = [span for name, span in collector.spans if name == "copydesk-workers"]
    assert sorted(span.name for span in stages) == sorted(STAGES)
    assert {span.trace_id for span in stages} == {push.trace_id}
    assert {span.parent_span_id for span in stages} == {push.span_id}
    assert [span.name for name, span in collector.spans if name == "copydesk-search"] == ["GET /v1/search"]
