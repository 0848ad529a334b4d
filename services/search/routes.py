"""The search API's addresses under ``/v1``: HTTP to calls and back; errors are ``shared/http.py``'s."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.operation import Operation
from flask_openapi3.models.parameter import Parameter
from pydantic import BaseModel, Field

from services.search.answers import Json, article_json
from services.search.diff import difference_html
from services.search.negotiation import ninjs_answer, ninjs_response, read_format
from services.search.ninjs import ninjs_item
from services.search.params import PARAMETERS, check_names, read_pairs
from services.search.past import DiffQuery, Past, version_json
from services.search.reader import Reader

# What a version says of itself; tags, verdict and story are those of the article as it is now.
VERSION_FIELDS = (
    "revision", "uri", "url", "canonical_url", "source", "title", "summary", "body", "authors", "language",
    "published_at", "modified_at", "version", "image_url", "word_count", "source_keywords",
)  # fmt: skip
_VERSION = {"type": "integer", "minimum": 1}
_DIFF_PARAMETERS = (
    ("from", "the older version; by default the one before", _VERSION),
    ("to", "the newer version; by default the present one", _VERSION),
    ("format", "html: a fragment with ins and del elements", {"type": "string", "enum": ["json", "html"]}),
)


class ArticlePath(BaseModel):
    """The part of an address that names an article."""

    # No pattern here: a malformed id is an article that does not exist (404), not a bad request.
    article_id: str = Field(description="32 hex digits, as the push was answered with")


class VersionPath(ArticlePath):
    """The part of an address that names a version of an article."""

    revision: str = Field(description="the number of the version, from 1 on")


class StoryPath(BaseModel):
    """The part of an address that names a story."""

    story_id: str = Field(description="32 hex digits: the story_id of its articles")


def api(reader: Reader) -> APIBlueprint:
    """The blueprint of the JSON API over one reader."""
    routes = APIBlueprint("api", __name__, url_prefix="/v1")

    @routes.get("/search", summary="Search articles")
    def search() -> Response:
        asked = read_format(request.query_string, (*PARAMETERS, "cursor"), request.accept_mimetypes)
        found = reader.page(asked.query)
        answer = ninjs_answer(found) if asked.ninjs else jsonify(found.to_json())
        answer.vary.add("Accept")
        if asked.ninjs and found.next is not None:
            answer.headers["X-Next-Cursor"] = found.next  # a list of ninjs items has no place for it
        answer.headers["Server-Timing"] = f"engine;dur={found.page.engine_ms:.2f}"
        return answer

    @routes.get("/articles/<string:article_id>", summary="One article")
    def article(path: ArticlePath) -> Response:
        asked = read_format(request.query_string, (), request.accept_mimetypes)
        found = reader.article(path.article_id)
        answer = ninjs_response(ninjs_item(found)) if asked.ninjs else jsonify(article_json(found))
        answer.vary.add("Accept")
        return answer

    @routes.get("/articles/<string:article_id>/trace", summary="What was done to an article")
    def trace(path: ArticlePath) -> Json:
        _check_no_parameters()
        return reader.trace(path.article_id)

    _add_past(routes, reader.past)
    _describe(routes.paths["/v1/articles/{article_id}/diff"].get)
    return routes


def _add_past(routes: APIBlueprint, past: Past) -> None:
    @routes.get("/articles/<string:article_id>/versions", summary="The versions of an article")
    def versions(path: ArticlePath) -> Json:
        _check_no_parameters()
        found = past.versions(path.article_id)
        return {"id": path.article_id, "versions": [version_json(facts) for facts in found]}

    @routes.get("/articles/<string:article_id>/versions/<string:revision>", summary="One version")
    def version(path: VersionPath) -> Json:
        _check_no_parameters()
        return article_json(past.version(path.article_id, path.revision), VERSION_FIELDS)

    @routes.get("/articles/<string:article_id>/diff", summary="What differs between two versions")
    def diff(path: ArticlePath) -> Json | Response:
        query = DiffQuery.read(request.query_string)
        found = past.compare(path.article_id, query)
        if query.format == "html":
            page = difference_html(found.difference, found.article.language)
            return Response(page, content_type="text/html; charset=utf-8")
        return found.to_json()

    @routes.get("/stories/<string:story_id>", summary="A story: its lead, sources and timeline")
    def story(path: StoryPath) -> Json:
        _check_no_parameters()
        return past.story(path.story_id).to_json()


def _describe(operation: Operation) -> None:
    # A query model would describe them too, but its errors are not in the words of the other addresses.
    more = [
        Parameter.model_validate({"name": name, "in": "query", "description": words, "schema": schema})
        for name, words, schema in _DIFF_PARAMETERS
    ]
    operation.parameters = [*(operation.parameters or ()), *more]


def _check_no_parameters() -> None:
    check_names(read_pairs(request.query_string), ())
