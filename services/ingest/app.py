"""Builds the ingest service: the only door in, on one ledger and one waker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Response, request
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import Forbidden

from services.ingest.capacity import Full
from services.ingest.described import describe
from services.ingest.door import Door
from services.ingest.once import HEADER
from services.ingest.quarantine import Quarantine
from services.ingest.routes import make_routes
from shared.errors import KeyReused, Unavailable
from shared.fields import FieldError
from shared.http import make_app, problem
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.log import configure_logging
from shared.metrics import CONTENT_TYPE, exposition
from shared.queue import Waker
from shared.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None, ledger: Ledger | None = None, waker: Waker | None = None
) -> OpenAPI:
    """Build the service; parts that are not given are opened from the settings.

    The broker is an optional check of ``/readyz``: without it articles are accepted, and wait. So is the
    capacity: a long backlog passes. A full disk fails the check of the ledger, which is not optional.
    """
    if settings is None:
        settings = read_settings()
        configure_logging(settings)
    ledger = ledger or open_ledger(settings)
    waker = waker or Waker(settings)
    door = Door(settings, ledger, waker)
    checks: dict[str, Callable[[], None]] = {
        "ledger": door.check_ready,
        "capacity": door.capacity.check_now,
        "broker": waker.check,
    }
    app = make_app("services.ingest", settings, checks, optional=("broker", "capacity"))
    app.before_request(_refuse_other_sites)
    app.register_error_handler(Full, _full)
    app.register_error_handler(KeyReused, _key_reused)
    app.register_api(make_routes(door, Quarantine(ledger, waker), ledger))
    describe(app)
    app.add_url_rule("/", view_func=index)
    app.add_url_rule("/metrics", view_func=partial(metrics, ledger), endpoint="metrics")
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


def metrics(ledger: Ledger) -> Response:
    """The ledger's numbers for Prometheus; 503 while it is away."""
    try:
        return Response(exposition(ledger), content_type=CONTENT_TYPE)
    except Unavailable as error:
        return Response(f"{error}\n", 503, content_type="text/plain; charset=utf-8")


def _full(error: Full) -> Response:
    answer = problem(error.status, "Too many requests" if error.status == 429 else "No room", str(error))
    answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _key_reused(_: KeyReused) -> Response:
    message = "stands for another request; give each request a key of its own"
    return problem(409, "Conflict", f"{HEADER}: {message}", [FieldError(HEADER, message)])


def _refuse_other_sites() -> None:
    """Refuse a push that a web page elsewhere makes a reader's browser send.

    Without keys anything on this machine may push, and a browser sends text/plain to any port unasked.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method not in ("GET", "HEAD", "OPTIONS") and site not in ("none", "same-origin"):
        raise Forbidden("pushes from pages of other sites are refused")
