"""Builds the ingest service: the only door in, on one ledger and one waker."""

from __future__ import annotations

from flask import request
from flask_openapi3.openapi import OpenAPI
from werkzeug.exceptions import Forbidden

from services.ingest.door import Door
from services.ingest.routes import make_routes
from shared.http import make_app
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.log import configure_logging
from shared.queue import Waker
from shared.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None, ledger: Ledger | None = None, waker: Waker | None = None
) -> OpenAPI:
    """Build the service; parts that are not given are opened from the settings.

    The broker is an optional check of ``/readyz``: without it articles are accepted, and wait.
    """
    if settings is None:
        settings = read_settings()
        configure_logging(settings)
    ledger = ledger or open_ledger(settings)
    waker = waker or Waker(settings)
    checks = {"ledger": ledger.check, "broker": waker.check}
    app = make_app("services.ingest", settings, checks, optional=("broker",))
    app.before_request(_refuse_other_sites)
    app.register_api(make_routes(Door(settings, ledger, waker)))
    app.add_url_rule("/", view_func=index)
    return app


def index() -> dict[str, str]:
    """Say what this is, and where to go on."""
    return {
        "service": "Copydesk ingest",
        "push": "/v1/articles",
        "stream": "/v1/articles:bulk",
        "pages": "/v1/pages",
        "status": "/v1/articles/{id}/status",
        "openapi": "/openapi.json",
        "ready": "/readyz",
    }


def _refuse_other_sites() -> None:
    """Refuse a push that a web page elsewhere makes a reader's browser send.

    Without keys anything on this machine may push, and a browser sends text/plain to any port unasked.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    if request.method not in ("GET", "HEAD", "OPTIONS") and site not in ("none", "same-origin"):
        raise Forbidden("pushes from pages of other sites are refused")
