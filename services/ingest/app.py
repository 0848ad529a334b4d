"""Builds the ingest service: the only door in, on one ledger and one waker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from prometheus_client.registry import Collector
from werkzeug.exceptions import Forbidden

from services.ingest.capacity import Full
from services.ingest.described import describe
from services.ingest.door import Door
from services.ingest.metrics import IngestMetrics
from services.ingest.once import HEADER
from services.ingest.quarantine import Quarantine
from services.ingest.routes import make_routes
from shared.cors import allow_origins, may_change
from shared.errors import KeyReused, Unavailable
from shared.fields import FieldError
from shared.hosts import refuse_other_names
from shared.http import make_app, problem
from shared.keys.described import describe_keys
from shared.keys.gate import open_gate
from shared.keys.port import KeyStore
from shared.keys.web import Need, ask_for_keys
from shared.ledger.port import Ledger
from shared.ledger.serving import serve_ledger
from shared.limits import limit_rate
from shared.log import configure_logging
from shared.metrics import CONTENT_TYPE, exposition
from shared.metrics_limits import LimitsCollector
from shared.queue import Waker
from shared.readiness import in_turn
from shared.settings import Settings, read_settings
from shared.tracing import Tracing, open_tracing, trace_requests

# What a key must be good for. Who follows events learns of articles that are under embargo, too.
NEEDS: Final[Mapping[str, Need]] = {
    "index": "any",
    "metrics": "any",
    "ingest.push_articles": "ingest",
    "ingest.push_stream": "ingest",
    "ingest.push_page": "ingest",
    "ingest.article_status": "ingest",
    "ingest.withdraw_article": "admin",
    "ingest.list_quarantined": "admin",
    "ingest.show_quarantined": "admin",
    "ingest.replay_one": "admin",
    "ingest.replay_many": "admin",
    "ingest.drop_one": "admin",
    "ingest.drop_many": "admin",
    "ingest.list_events": "search",
}


def create_app(
    settings: Settings | None = None,
    ledger: Ledger | None = None,
    waker: Waker | None = None,
    tracing: Tracing | None = None,
    keys: KeyStore | None = None,
) -> OpenAPI:
    """Build the service; parts that are not given are opened from the settings.

    The broker is an optional check of ``/readyz``: without it articles are accepted, and wait. So are the
    capacity, since a long backlog passes, and the keys. A full disk fails the check of the ledger, which is
    not optional.
    """
    if settings is None:
        settings = read_settings()
        configure_logging(settings)
    served = serve_ledger(settings, "ingest", ledger)
    ledger, waker = served.ledger, waker or Waker(settings)
    door = Door(settings, ledger, waker)
    gate = open_gate(settings, keys) if settings.keys_on else None
    checks: dict[str, Callable[[], None]] = {
        "ledger": in_turn(door.check_ready, served.check_tables),
        "capacity": door.capacity.check_now,
        "broker": waker.check,
        **({} if gate is None else {"keys": gate.check_made}),
    }
    app = make_app("services.ingest", settings, checks, optional=("broker", "capacity", "keys"))
    counted = IngestMetrics()
    counted.watch(app)
    trace_requests(app, tracing or open_tracing("ingest"))
    refuse_other_names(app, settings)
    ask_for_keys(app, gate, NEEDS)
    limit_rate(app, settings, settings.ingest_per_minute)
    allow_origins(app, settings)
    app.before_request(partial(_refuse_other_sites, settings))
    app.register_error_handler(Full, _full)
    app.register_error_handler(KeyReused, _key_reused)
    app.register_api(make_routes(door, Quarantine(ledger, waker), ledger))
    describe(app)
    if gate is not None:
        describe_keys(app)
    app.add_url_rule("/", view_func=index)
    limits = LimitsCollector(settings)
    # No partial: the rate limiter asks a view for its name.
    app.add_url_rule("/metrics", "metrics", lambda: metrics(ledger, counted, limits))
    return app


def index() -> dict[str, str]:
    """Say what this is, and where to go on."""
    return {
        "service": "Copydesk ingest",
        "push": "/v1/articles",
        "stream": "/v1/articles:bulk",
        "pages": "/v1/pages",
        "status": "/v1/articles/{id}/status",
        "quarantine": "/v1/quarantine",
        "events": "/v1/events",
        "docs": "/docs",
        "openapi": "/openapi.json",
        "ready": "/readyz",
        "metrics": "/metrics",
    }


def metrics(ledger: Ledger, *more: Collector) -> Response:
    """The ledger's numbers for Prometheus, then this process's own and how near the limits are.

    503 while the ledger is away; what was refused meanwhile is told when it is back.
    """
    try:
        return Response(exposition(ledger, *more), content_type=CONTENT_TYPE)
    except Unavailable as error:
        return Response(f"{error}\n", 503, content_type="text/plain; charset=utf-8")


def _full(error: Full) -> Response:
    answer = problem(error.status, "Too many requests" if error.status == 429 else "No room", str(error))
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _key_reused(_: KeyReused) -> Response:
    message = "stands for another request; give each request a key of its own"
    return problem(409, "Conflict", f"{HEADER}: {message}", [FieldError(HEADER, message)])


def _refuse_other_sites(settings: Settings) -> None:
    """Refuse a push that a web page elsewhere makes a reader's browser send, unless the settings name it.

    Without keys anything on this machine may push, and a browser sends text/plain to any port unasked.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if changes and site not in ("none", "same-origin") and not may_change(settings):
        raise Forbidden("pushes from pages of other sites are refused")
