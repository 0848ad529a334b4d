"""The addresses of NewsAPI.org's version 2, and those that its clients use in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.parameter import Parameter
from flask_openapi3.openapi import OpenAPI

from services.search.newsapi.answers import Json, article_json
from services.search.newsapi.errors import (
    PREFIX,
    Refused,
    in_newsapi_words,
    is_below,
    key_refused,
    refused,
)
from services.search.newsapi.finding import Finder
from services.search.newsapi.params import (
    EVERYTHING,
    HEADLINES,
    SOURCES,
    read_everything,
    read_headlines,
    read_sources,
)
from services.search.newsapi.sources import Sources
from shared.codec import to_json
from shared.countries import Told
from shared.index.port import ArticleIndex, SearchPage
from shared.keys.keeper import KeyRefused
from shared.keys.web import refused as refused_key

# npm's client, told to go through a proxy, asks for the whole address below ours.
FOREIGN: Final = "/https://newsapi.org"
# Werkzeug and some servers make one slash of two before an application sees the path.
_FOREIGN_PATHS: Final = (FOREIGN, FOREIGN.replace("//", "/"))


def add_newsapi(app: OpenAPI, index: ArticleIndex, countries: Told) -> None:
    """Let an app answer as NewsAPI does below ``/v2``, and with nothing else there."""
    app.register_api(_routes(Finder(index, Sources(index, countries), countries)))
    app.register_error_handler(Refused, refused)

    @app.errorhandler(KeyRefused)
    def refuse_key(error: KeyRefused) -> Response:
        return key_refused(error) if is_below(request.path) else refused_key(error)

    @app.after_request
    def speak(answer: Response) -> Response:
        return in_newsapi_words(answer) if is_below(request.path) else answer

    app.wsgi_app = _Unwrapped(app.wsgi_app)  # type: ignore[method-assign]


class _Unwrapped:
    """Takes the other service's name off a path, so that ``/https://newsapi.org/v2/...`` is ``/v2/...``."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        path = environ.get("PATH_INFO", "")
        for prefix in _FOREIGN_PATHS:
            if path.startswith(prefix + PREFIX):
                environ["PATH_INFO"] = path[len(prefix) :]
        return self._app(environ, start_response)


def _routes(finder: Finder) -> APIBlueprint:
    routes = APIBlueprint("newsapi", __name__, url_prefix="/v2")

    @routes.get("/everything", summary="NewsAPI.org: every article")
    def everything() -> Response:
        now = datetime.now(UTC)
        page = finder.everything(read_everything(request.query_string), now)
        return _articles(page, page.articles)

    @routes.get("/top-headlines", summary="NewsAPI.org: the newest articles, without copies")
    def top_headlines() -> Response:
        page = finder.headlines(read_headlines(request.query_string), datetime.now(UTC))
        return _articles(page, page.groups)

    # The documented address is one that no client calls.
    @routes.get("/top-headlines/sources", summary="NewsAPI.org: the sources")
    def headline_sources() -> Response:
        return _sources(finder)

    @routes.get("/sources", summary="NewsAPI.org: the sources, as its clients ask for them")
    def sources() -> Response:
        return _sources(finder)

    for path, names in (
        ("everything", EVERYTHING), ("top-headlines", HEADLINES), ("top-headlines/sources", SOURCES),
        ("sources", SOURCES),
    ):  # fmt: skip
        operation = routes.paths[f"{PREFIX}{path}"].get
        operation.parameters = [
            Parameter.model_validate({"name": name, "in": "query", "schema": {"type": "string"}})
            for name in names
        ]
    return routes


def _articles(page: SearchPage, total: int) -> Response:
    found = [article_json(hit.article) for hit in page.hits]
    answer = _answer({"status": "ok", "totalResults": total, "articles": found}, page.engine_ms)
    if page.partial:  # NewsAPI's answer has no place for it
        answer.headers["X-Partial"] = "true"
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _sources(finder: Finder) -> Response:
    found = finder.sources(read_sources(request.query_string))
    return _answer({"status": "ok", "sources": [one.to_json() for one in found]}, None)


def _answer(body: Json, engine_ms: float | None) -> Response:
    answer = Response(to_json(body), content_type="application/json; charset=utf-8")
    answer.headers["X-Cached-Result"] = "false"
    if engine_ms is not None:
        answer.headers["Server-Timing"] = f"engine;dur={engine_ms:.2f}"
    return answer
