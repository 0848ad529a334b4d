"""What the OpenAPI document says of keys, where callers need one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flask_openapi3.models.operation import Operation
from flask_openapi3.openapi import OpenAPI

from shared.keys.web import HEADER, Need, need_of
from shared.openapi import PROBLEM, Content, add_errors, operations

_SCHEMES: Final[dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a key as it was made"},
    "header": {"type": "apiKey", "in": "header", "name": HEADER},
}
_QUERY: Final[dict[str, Any]] = {"query": {"type": "apiKey", "in": "query", "name": "apiKey"}}
_CONVERTED: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def describe_keys(app: OpenAPI, others: Mapping[str, Content] | None = None, query: str = "") -> None:
    """Say of each operation which keys it takes, and how it refuses.

    ``others`` has the content of errors below a prefix where it is no problem+json; below ``query`` a key may
    stand in the query, too.
    """
    endpoints = {_CONVERTED.sub(r"{\1}", rule.rule): rule.endpoint for rule in app.url_map.iter_rules()}
    app.security_schemes = {**_SCHEMES, **(_QUERY if query else {})}
    for path, _, operation in operations(app):
        need = need_of(app, endpoints.get(path))
        if need == "open":
            continue
        names = [*_SCHEMES, *(_QUERY if query and path.startswith(query) else {})]
        operation.security = [{name: []} for name in names]
        content = next((told for prefix, told in (others or {}).items() if path.startswith(prefix)), PROBLEM)
        add_errors(operation, _errors(operation, need), content)


def _errors(operation: Operation, need: Need) -> dict[int, str]:
    before = operation.responses or {}
    refused = {} if need == "any" and "403" not in before else {403: f"the key is not one for {need}"}
    errors = {**refused, 429: "too many wrong keys came from this address in a minute"}
    told = {
        status: f"{getattr(before[str(status)], 'description', '')}; or {words}"
        if str(status) in before
        else words
        for status, words in errors.items()
    }
    return {401: "there is no key, or it does not exist, is revoked or has expired", **told}
