"""The search API's addresses under ``/v1``: HTTP to calls and back; errors are ``shared/http.py``'s."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from services.search.answers import Json, article_json
from services.search.params import check_names, read_pairs
from services.search.reader import Reader


class ArticlePath(BaseModel):
    """The part of an address that names an article."""

    # No pattern here: a malformed id is an article that does not exist (404), not a bad request.
    article_id: str = Field(description="32 hex digits, as the push was answered with")


def api(reader: Reader) -> APIBlueprint:
    """The blueprint of the JSON API over one reader."""
    routes = APIBlueprint("api", __name__, url_prefix="/v1")

    @routes.get("/search", summary="Search articles")
    def search() -> Response:
        found = reader.search(request.query_string)
        answer = jsonify(found.to_json())
        answer.headers["Server-Timing"] = f"engine;dur={found.page.engine_ms:.2f}"
        return answer

    @routes.get("/articles/<string:article_id>", summary="One article")
    def article(path: ArticlePath) -> Json:
        _check_no_parameters()
        return article_json(reader.article(path.article_id))

    @routes.get("/articles/<string:article_id>/trace", summary="What was done to an article")
    def trace(path: ArticlePath) -> Json:
        _check_no_parameters()
        return reader.trace(path.article_id)

    return routes


def _check_no_parameters() -> None:
    check_names(read_pairs(request.query_string), ())
