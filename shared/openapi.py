"""Pieces of an OpenAPI document that routes do not tell by themselves: answers, and what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask_openapi3.models.operation import Operation
from flask_openapi3.models.response import Response
from flask_openapi3.openapi import OpenAPI

Schema = Mapping[str, Any]
Content = Mapping[str, Schema]  # by media type

PROBLEM: Final[Content] = {"application/problem+json": {"$ref": "#/components/schemas/Problem"}}


def operations(app: OpenAPI) -> Iterator[tuple[str, str, Operation]]:
    """Every path and method of an app's document, with what is told of it."""
    for path, item in app.paths.items():
        for method in ("get", "post", "put", "patch", "delete"):
            operation = getattr(item, method)
            if operation is not None:
                yield path, method, operation


def add_answer(operation: Operation, status: int, words: str, content: Content) -> None:
    """Tell of one answer, in the place of what was told of that status."""
    kinds = {kind: {"schema": schema} for kind, schema in content.items()}
    made = Response.model_validate({"description": words, "content": kinds})
    operation.responses = {**(operation.responses or {}), str(status): made}


def add_errors(operation: Operation, errors: Mapping[int, str], content: Content = PROBLEM) -> None:
    """Tell of errors by their status, each with when it comes."""
    for status, words in errors.items():
        add_answer(operation, status, words, content)
