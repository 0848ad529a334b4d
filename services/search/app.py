"""Builds the search service: the JSON API and the web desk over one index and one ledger."""

from __future__ import annotations

from flask import Response
from flask_openapi3.openapi import OpenAPI

from services.search.cursors import Cursors
from services.search.described import describe
from services.search.desk import desk
from services.search.export_routes import exports
from services.search.feed_routes import feeds
from services.search.newsapi.routes import add_newsapi
from services.search.places import guard
from services.search.reader import Reader
from services.search.routes import api
from services.search.similar_routes import similar
from services.search.timeline_routes import timelines
from services.search.trends_routes import trends
from shared.errors import IndexMissing, Unavailable
from shared.fields import FieldError
from shared.http import make_app, problem, unavailable
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.index.walking import WalkGone
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.log import configure_logging
from shared.profiles.open import open_profiles
from shared.profiles.port import SourceProfiles
from shared.settings import Settings, read_settings


def create_app(
    settings: Settings | None = None,
    index: ArticleIndex | None = None,
    ledger: Ledger | None = None,
    profiles: SourceProfiles | None = None,
) -> OpenAPI:
    """Build the service; parts that are not given are opened from the settings."""
    if settings is None:
        settings = read_settings()
        configure_logging(settings)
        Cursors(settings).prepare()  # better no start than searches that cannot be gone on with
    cursors = Cursors(settings)
    index = guard(index or open_index(settings), settings.web_threads)
    ledger = ledger or open_ledger(settings)
    app = make_app("services.search", settings, {"index": index.check, "ledger": ledger.check})
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
    app.register_blueprint(desk(reader))
    add_newsapi(app, index, settings.countries())
    describe(app)
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
