"""What the OpenAPI document says of the answers that routes do not tell by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_openapi3.openapi import OpenAPI

from shared.openapi import add_answer, add_errors, operations

BULK: Final = "/v1/articles:bulk"
_OF_ALL: Final = {
    400: "the request cannot be answered, and why",
    429: "too many requests in a minute; come back after Retry-After",
    503: "a part is away, or there is no room; come back after Retry-After",
}
_OF_CHANGES: Final = {403: "a web page of another site made a browser send it"}
_OF_BODIES: Final = {
    408: "the body came too slowly",
    413: "the body is too large",
    415: "the body is of another media type",
}
_OF_PUSHES: Final = {
    409: "the item was withdrawn, or the Idempotency-Key stands for another request",
    429: "too much is under way; come back after Retry-After",
}
_OF_ONE: Final = {404: "there is none of this id"}
_ALSO: Final[Mapping[tuple[str, str], Mapping[int, str]]] = {
    ("/v1/articles/{article_id}/status", "get"): {410: "it was withdrawn"},
    ("/v1/events", "get"): {410: "what was asked for is no longer kept"},
}
_PUSHES: Final = ("/v1/articles", BULK, "/v1/pages")


def describe(app: OpenAPI) -> None:
    """Add errors, and the answer of the stream, to the document of an app that has these addresses."""
    for path, method, operation in operations(app):
        errors = dict(_OF_ALL)
        if method != "get":
            errors |= _OF_CHANGES
        if operation.requestBody is not None:
            errors |= _OF_BODIES
        if path in _PUSHES:
            errors |= _OF_PUSHES
        if "{" in path:
            errors |= _OF_ONE
        add_errors(operation, errors | dict(_ALSO.get((path, method), {})))
    stream = app.paths[BULK].post
    lines = {"application/x-ndjson": {"type": "string"}}
    add_answer(stream, 200, "one line for each line, in order, after its commit", lines)
