"""The address of trends under ``/v1``: HTTP to calls and back."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.blueprint import APIBlueprint

from services.search.reader import Reader


def trends(reader: Reader) -> APIBlueprint:
    """The blueprint of trends over one reader."""
    routes = APIBlueprint("trends", __name__, url_prefix="/v1")

    @routes.get("/trends", summary="What stands in unusually many of the newest articles")
    def found_trends() -> Response:
        found = reader.trends(request.query_string)
        answer = jsonify(found.to_json())
        answer.headers["Server-Timing"] = f"engine;dur={found.trends.engine_ms:.2f}"
        return answer

    return routes
