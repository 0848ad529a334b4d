"""The addresses of articles like another, or like a text: HTTP to calls and back."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint
from werkzeug.exceptions import RequestEntityTooLarge

from services.search.reader import Reader
from services.search.routes import ArticlePath
from services.search.similar import MAX_BODY_BYTES, FoundSimilar, SimilarText, read_text
from shared.http import UnsupportedField, read_body

_JSON = "application/json"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {_JSON: {"schema": SimilarText.model_json_schema()}},
    }
}


def similar(reader: Reader) -> APIBlueprint:
    """The blueprint of similar articles over one reader."""
    routes = APIBlueprint("similar", __name__, url_prefix="/v1")

    @routes.get("/articles/<string:article_id>/similar", summary="Articles like another one")
    def similar_to_article(path: ArticlePath) -> Response:
        return _answer(reader.similar(path.article_id, request.query_string))

    @routes.post("/similar", summary="Articles like a text", openapi_extensions=_BODY)
    def similar_to_text() -> Response:
        return _answer(reader.similar_to_text(read_text(_body()), request.query_string))

    return routes


def _body() -> bytes:
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedField("Content-Encoding", "is not supported; send the body as it is")
    if request.mimetype != _JSON:
        raise UnsupportedField("Content-Type", f"must be {_JSON}, not {request.mimetype or 'none'!r}")
    if (request.content_length or 0) <= MAX_BODY_BYTES:
        data = read_body(request)
        if len(data) <= MAX_BODY_BYTES:
            return data
    raise RequestEntityTooLarge(f"the body must have at most {MAX_BODY_BYTES:,} bytes")


def _answer(found: FoundSimilar) -> Response:
    answer = jsonify(found.to_json())
    answer.headers["Server-Timing"] = f"engine;dur={found.similar.page.engine_ms:.2f}"
    return answer
