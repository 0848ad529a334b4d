"""The addresses of timelines and suggestions under ``/v1``: HTTP to calls and back."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from services.search.reader import Reader


def timelines(reader: Reader) -> APIBlueprint:
    """The blueprint of timelines and suggestions over one reader."""
    routes = APIBlueprint("timelines", __name__, url_prefix="/v1")

    @routes.get("/timeline", summary="How many articles were published when")
    def timeline() -> Response:
        found = reader.timeline(request.query_string)
        answer = jsonify(found.to_json())
        answer.headers["Server-Timing"] = f"engine;dur={found.timeline.engine_ms:.2f}"
        return answer

    @routes.get("/suggest", summary="What to filter by, and titles, from the beginning of a name")
    def suggest() -> Response:
        return jsonify(reader.suggest(request.query_string))

    return routes
