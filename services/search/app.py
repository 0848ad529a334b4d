"""Builds the search service: the JSON API and the web desk over one index and one ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Response
from flask_openapi3.openapi import OpenAPI

from services.search.cursors import Cursors
from services.search.described import NEWSAPI_ERROR, describe
from services.search.desk import desk
from services.search.export_routes import exports
from services.search.feed_routes import feeds
from services.search.metrics import SearchMetrics, add_metrics, measured
from services.search.newsapi.errors import PREFIX
from services.search.newsapi.routes import add_newsapi
from services.search.places import guard
from services.search.reader import Reader
from services.search.routes import api
from services.search.sign_in import add_sign_in
from services.search.similar_routes import similar
from services.search.timeline_routes import timelines
from services.search.trends_routes import trends
from shared.cors import allow_origins
from shared.errors import IndexMissing, Unavailable
from shared.fields import FieldError
from shared.hosts import refuse_other_names
from shared.http import make_app, problem, unavailable
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.index.walking import WalkGone
from shared.keys.described import describe_keys
from shared.keys.gate import open_gate
from shared.keys.port import KeyStore
from shared.keys.web import Need, ask_for_keys
from shared.ledger.port import Ledger
from shared.ledger.serving import serve_ledger
from shared.limits import limit_rate
from shared.log import configure_logging
from shared.metrics_index import IndexSize
from shared.profiles.open import open_profiles
from shared.profiles.port import SourceProfiles
from shared.readiness import in_turn
from shared.settings import Settings, read_settings
from shared.tracing import Tracing, open_tracing, trace_requests

# What a key must be good for.
NEEDS: Final[Mapping[str, Need]] = {
    "api.search": "search",
    "api.article": "search",
    "api.trace": "search",
    "api.versions": "search",
    "api.version": "search",
    "api.diff": "search",
    "api.story": "search",
    "exports.export": "search",
    "feeds.rss_feed": "search",
    "feeds.atom_feed": "search",
    "feeds.json_feed": "search",
    "timelines.timeline": "search",
    "timelines.suggest": "search",
    "similar.similar_to_article": "search",
    "similar.similar_to_text": "search",
    "trends.found_trends": "search",
    "newsapi.everything": "search",
    "newsapi.top_headlines": "search",
    "newsapi.headline_sources": "search",
    "newsapi.sources": "search",
    "metrics": "any",
    "desk.search": "search",
    "desk.article": "search",
    "desk.versions": "search",
    "desk.diff": "search",
    "desk.story": "search",
    "desk.static": "open",  # the sign-in page looks like the desk
    "sign_in.sign_in": "open",
    "sign_in.sign_out": "open",
}


def create_app(
    settings: Settings | None = None,
    index: ArticleIndex | None = None,
    ledger: Ledger | None = None,
    profiles: SourceProfiles | None = None,
    tracing: Tracing | None = None,
    keys: KeyStore | None = None,
) -> OpenAPI:
    """Build the service; parts that are not given are opened from the settings."""
    if settings is None:
        settings = read_settings()
        configure_logging(settings)
        Cursors(settings).prepare()  # better no start than searches that cannot be gone on with
    cursors = Cursors(settings)
    metrics = SearchMetrics()
    index = guard(measured(index or open_index(settings), metrics), settings.web_threads)
    served = serve_ledger(settings, "search", ledger)
    ledger = served.ledger
    gate = open_gate(settings, keys) if settings.keys_on else None
    checks: dict[str, Callable[[], None]] = {
        "index": index.check,
        "ledger": in_turn(ledger.check, served.check_tables),
        **({} if gate is None else {"keys": gate.check_made}),
    }
    app = make_app("services.search", settings, checks, optional=("keys",))
    trace_requests(app, tracing or open_tracing("search"))
    refuse_other_names(app, settings)
    ask_for_keys(app, gate, NEEDS)
    limit_rate(app, settings, settings.search_per_minute)
    allow_origins(app, settings)
    app.register_error_handler(Unavailable, _away)
    app.register_error_handler(IndexMissing, _index_missing)
    app.register_error_handler(WalkGone, _walk_gone)
    if profiles is None and settings.redis_url:
        profiles = open_profiles(settings)
    reader = Reader(index, ledger, cursors, profiles, settings.countries())
    app.register_api(api(reader))
    app.register_api(exports(reader, settings.web_threads))
    app.register_api(feeds(reader))
    app.register_api(timelines(reader))
    app.register_api(similar(reader))
    app.register_api(trends(reader))
    pages = desk(reader)
    if gate is not None:
        add_sign_in(app, pages, gate)
    app.register_blueprint(pages)
    add_newsapi(app, index, settings.countries())
    describe(app)
    if gate is not None:
        describe_keys(app, {PREFIX: NEWSAPI_ERROR}, query=PREFIX)
    add_metrics(app, metrics, index, IndexSize(settings))
    return app


def _walk_gone(error: WalkGone) -> Response:
    words = f"{error}; begin again with the search"
    return problem(410, "Gone", words, [FieldError("cursor", "has expired")])


def _away(error: Unavailable) -> Response:
    """The 503 of a part that is away; what its engine says of files and hosts is for the log alone."""
    logged = unavailable(error)
    ours, _, engines = str(error).partition(": ")
    if not engines:
        return logged
    _, told, command = engines.partition("run `copydesk ")
    advice = f"{told}{command}" if told else "try again"
    answer = problem(503, "Service unavailable", f"{ours}; {advice}")
    answer.headers["Retry-After"] = logged.headers["Retry-After"]
    return answer


def _index_missing(error: IndexMissing) -> Response:
    if "`copydesk reindex`" in str(error):  # without its text, which may name folders of this machine
        return unavailable(IndexMissing("the search index has to be built anew; run `copydesk reindex`"))
    return unavailable(IndexMissing("the search index does not exist yet; run `copydesk migrate`"))
