"""Request bodies: content type, encoding and size are checked before a byte is parsed."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Collection
from typing import Any, Final, TypeVar

from flask import Request, g
from pydantic import BaseModel, ValidationError

from services.ingest.binary import binary_kind
from services.ingest.charset import decode_page
from shared.fields import InvalidFields, field_errors
from shared.http import UnsupportedField, read_body, stream_of
from shared.push import read_json
from shared.reading import Stream

Model = TypeVar("Model", bound=BaseModel)

JSON_TYPES: Final = frozenset(("application/json",))
LINE_TYPES: Final = frozenset(
    ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
)
PAGE_TYPES: Final = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}


def json_body(request: Request) -> tuple[Any, bytes]:
    """The parsed JSON of a request and its bytes; raises ``InvalidRequest``, 413 or 415.

    Lone surrogates pass: the check of each item finds them, and so spares its neighbours.
    """
    require_type(request, JSON_TYPES)
    _require_utf8(request)
    data = read_body(request)
    return read_json(data, keep_surrogates=True), data


def model_body(request: Request, model: type[Model]) -> Model:
    """The JSON object of a request as a model; raises ``InvalidRequest`` naming each field, 413 or 415."""
    given, _ = json_body(request)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidFields(field_errors(error)) from error


def line_body(request: Request) -> Stream:
    """The raw stream of an NDJSON request, of any length; raises 415."""
    require_type(request, LINE_TYPES)
    _require_utf8(request)
    g.body_taken = True
    request.max_content_length = sys.maxsize  # lines are limited one by one; None would mean the usual limit
    return stream_of(request)


def page_body(request: Request) -> tuple[str, str, bytes]:
    """A page as (content field, text, bytes); raises 413, or 415, also where the bytes are no page's."""
    kind = PAGE_TYPES[require_type(request, PAGE_TYPES)]
    data = read_body(request)
    if found := binary_kind(data):
        words = f"says {request.mimetype}, but the body is {found}; send the HTML or plain text itself"
        raise UnsupportedField("Content-Type", words)
    return kind, decode_page(data, request.mimetype_params.get("charset"), html=kind == "html"), data


def require_type(request: Request, allowed: Collection[str]) -> str:
    """The content type, when it is an allowed one and the body is not compressed; raises 415."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedField("Content-Encoding", f"{encoding!r} is not supported; send the body as it is")
    if request.mimetype not in allowed:
        given = repr(request.mimetype) if request.mimetype else "none"
        raise UnsupportedField("Content-Type", f"must be one of {', '.join(sorted(allowed))}, not {given}")
    return request.mimetype


def described_body(content: dict[str, Any]) -> dict[str, Any]:
    """How a body that is read by hand stands in the OpenAPI document."""
    return {"requestBody": {"required": True, "content": content}}


def _require_utf8(request: Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8")
    try:
        known = codecs.lookup(charset).name
    except (LookupError, ValueError):
        known = ""
    if known not in ("utf-8", "utf-8-sig", "ascii"):
        raise UnsupportedField("Content-Type", f"JSON is UTF-8, not charset {charset!r}")
