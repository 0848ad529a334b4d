"""Ingest's HTTP: requests to checked items, outcomes to answers; leaves the accepting to the door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.schema import Schema
from werkzeug.exceptions import NotFound

from services.ingest.bodies import json_body, line_body, page_body
from services.ingest.bulk import Answer
from services.ingest.door import Door
from services.ingest.params import ArticlePath, PageQuery, check_once
from services.ingest.schema import PushAnswer, Receipt, StatusAnswer, receipt, result
from shared.article import RawArticle
from shared.codec import to_plain
from shared.errors import InvalidRequest
from shared.fields import FieldError
from shared.http import problem, problem_responses, room
from shared.identity import body_uri
from shared.push import InvalidPush, PushItem, read_push

_REF = "#/components/schemas/{model}"
_ITEM = {"$ref": _REF.format(model="PushItem")}
_Answer = tuple[dict[str, Any], int] | Response


def make_routes(door: Door) -> APIBlueprint:
    """Every route of ingest, on one door."""
    api = APIBlueprint("ingest", __name__, abp_responses=problem_responses())
    item = PushItem.model_json_schema(ref_template=_REF)
    schemas = item.pop("$defs") | {"PushItem": item}
    api.components_schemas.update({name: Schema(**schema) for name, schema in schemas.items()})
    _add_articles(api, door)
    _add_bulk(api, door)
    _add_pages(api, door)
    _add_status(api, door)
    return api


def _add_articles(api: APIBlueprint, door: Door) -> None:
    body = {"oneOf": [_ITEM, {"type": "array", "items": _ITEM}]}
    described = _body({"application/json": {"schema": body}})

    @api.post("/v1/articles", responses={202: PushAnswer}, openapi_extensions=described)
    def push_articles() -> _Answer:
        """Push one article, or an array of them. An array answers item by item."""
        given = json_body(request)
        return _push_array(door, given) if isinstance(given, list) else _push_one(door, given)


def _add_bulk(api: APIBlueprint, door: Door) -> None:
    described = _body({"application/x-ndjson": {"schema": {"type": "string"}}})

    @api.post("/v1/articles:bulk", openapi_extensions=described)
    def push_stream() -> Response:
        """Push a stream of articles, one per line; answers one outcome per line, each after its commit."""
        answer = Answer(door, line_body(request), room().take_stream())
        return Response(answer, content_type="application/x-ndjson")


def _add_pages(api: APIBlueprint, door: Door) -> None:
    described = _body({kind: {"schema": {"type": "string"}} for kind in ("text/html", "text/plain")})

    @api.post("/v1/pages", responses={202: Receipt}, openapi_extensions=described)
    def push_page(query: PageQuery) -> _Answer:
        """Push a page as it came; it needs ``url`` or ``source``."""
        check_once(request.query_string)
        kind, text, data = page_body(request)
        item = {kind: text} | query.model_dump(exclude_none=True)
        if query.url is None and query.uri is None:
            item["uri"] = body_uri(data)
        return _push_one(door, item)


def _add_status(api: APIBlueprint, door: Door) -> None:
    @api.get("/v1/articles/<article_id>/status", responses={200: StatusAnswer})
    def article_status(path: ArticlePath) -> dict[str, Any]:
        """Where the newest submission of an article stands."""
        found = door.status(path.article_id)
        if found is None:
            raise NotFound("no article with this id was ever accepted")
        answer: dict[str, Any] = to_plain(found)
        return answer


def _push_one(door: Door, item: object) -> _Answer:
    article = read_push(item, door.settings, door.now())
    return receipt(door.accept([article])[0]), 202


def _push_array(door: Door, items: list[object]) -> _Answer:
    limit = door.settings.max_array_items
    if not items:
        raise InvalidRequest("request", "must hold at least one article")
    if len(items) > limit:
        raise InvalidRequest(
            "request", f"must hold at most {limit} articles; stream more to /v1/articles:bulk"
        )
    now = door.now()
    checked = [door.check(item, now) for item in items]
    outcomes = door.accept_each(checked)
    results = [result(index, outcome) for index, outcome in enumerate(outcomes)]
    if all(isinstance(outcome, InvalidPush) for outcome in outcomes):
        return problem(
            400,
            "Invalid request",
            "no article of the array can be accepted",
            _by_index(checked),
            results=results,
        )
    return {"results": results}, 202


def _by_index(checked: Sequence[RawArticle | InvalidPush]) -> list[FieldError]:
    return [
        FieldError(f"{index}.{error.field}", error.message)
        for index, one in enumerate(checked)
        if isinstance(one, InvalidPush)
        for error in one.errors
    ]


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
