"""Ingest's HTTP: requests to checked items, outcomes to answers; leaves the accepting to the door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.operation import Operation
from flask_openapi3.models.parameter import Parameter
from flask_openapi3.models.schema import Schema
from werkzeug.exceptions import Gone, NotFound

from services.ingest.bodies import described_body, json_body, line_body, page_body
from services.ingest.bulk import AFTER_BODY, Answer
from services.ingest.door import Checked, Door, good, in_order
from services.ingest.events import add_events
from services.ingest.once import HEADER, kept_response, pack_answer, read_key, refuse_key
from services.ingest.params import ArticlePath, PageQuery, WithdrawQuery, check_once
from services.ingest.quarantine import Quarantine
from services.ingest.quarantine_routes import add_quarantine
from services.ingest.schema import (
    PushAnswer,
    Receipt,
    StatusAnswer,
    WithdrawnAnswer,
    receipt,
    result,
    withdrawn_words,
)
from shared.article import RawArticle
from shared.codec import to_json, to_plain
from shared.errors import InvalidRequest
from shared.fields import FieldError
from shared.http import problem, problem_responses, room
from shared.identity import body_uri
from shared.ledger.keeping import OnceKey
from shared.ledger.port import Accepted
from shared.ledger.telling import Telling
from shared.push import InvalidPush, PushItem, read_push

_REF = "#/components/schemas/{model}"
_ITEM = {"$ref": _REF.format(model="PushItem")}
_NEVER = "no article with this id was ever accepted"
_KEY_WORDS = "a request is accepted once under its key, and answered the same again"
# What the ledger erases leaves the index within seconds, and Redis with the sweeper's next turn.
BACKUPS = (
    "copies that were made before still hold it: backups of the ledger and of the index until you delete "
    "them, an index that a reindex has replaced for up to a day, and the present index's files, where it "
    "can no longer be found, until the engine merges them or `copydesk reindex` writes new ones"
)


def make_routes(door: Door, quarantine: Quarantine, told: Telling) -> APIBlueprint:
    """Every route of ingest, on one door, one quarantine and what the ledger tells of events."""
    api = APIBlueprint("ingest", __name__, abp_responses=problem_responses())
    item = PushItem.model_json_schema(ref_template=_REF)
    schemas = item.pop("$defs") | {"PushItem": item}
    api.components_schemas.update({name: Schema(**schema) for name, schema in schemas.items()})
    _add_articles(api, door)
    _add_bulk(api, door)
    _add_pages(api, door)
    for path in ("/v1/articles", "/v1/pages"):
        _describe_key(api.paths[path].post)
    _add_status(api, door)
    _add_withdrawal(api, door)
    add_quarantine(api, quarantine)
    add_events(api, told)
    return api


def _add_articles(api: APIBlueprint, door: Door) -> None:
    body = {"oneOf": [_ITEM, {"type": "array", "items": _ITEM}]}
    described = described_body({"application/json": {"schema": body}})

    @api.post("/v1/articles", responses={202: PushAnswer}, openapi_extensions=described)
    def push_articles() -> Response:
        """Push one article, or an array of them. An array answers item by item."""
        door.capacity.check()
        given, data = json_body(request)
        push = _Push(door, read_key(request, data))
        return push.array(given) if isinstance(given, list) else push.one(given)


def _add_bulk(api: APIBlueprint, door: Door) -> None:
    described = described_body({"application/x-ndjson": {"schema": {"type": "string"}}})

    @api.post("/v1/articles:bulk", openapi_extensions=described)
    def push_stream() -> Response:
        """Push a stream of articles, one per line; answers one outcome per line, each after its commit."""
        refuse_key(request)
        door.capacity.check()
        after_body = AFTER_BODY in request.headers
        answer = Answer(door, line_body(request), room().take_stream(), after_body=after_body)
        return Response(answer, content_type="application/x-ndjson")


def _add_pages(api: APIBlueprint, door: Door) -> None:
    kinds = {kind: {"schema": {"type": "string"}} for kind in ("text/html", "text/plain")}
    described = described_body(kinds)

    @api.post("/v1/pages", responses={202: Receipt}, openapi_extensions=described)
    def push_page(query: PageQuery) -> Response:
        """Push a page as it came; it needs ``url`` or ``source``."""
        check_once(request.query_string)
        door.capacity.check()
        kind, text, data = page_body(request)
        item = {kind: text} | query.model_dump(exclude_none=True)
        if query.url is None and query.uri is None:
            item["uri"] = body_uri(data)
        return _Push(door, read_key(request, data)).one(item)


def _add_status(api: APIBlueprint, door: Door) -> None:
    @api.get("/v1/articles/<article_id>/status", responses={200: StatusAnswer})
    def article_status(path: ArticlePath) -> dict[str, Any]:
        """Where the newest submission of an article stands; 410 once it was withdrawn."""
        found = door.status(path.article_id)
        if found is not None and found.status == "withdrawn":
            why = f": {found.reason}" if found.reason else ""
            raise Gone(f"the article {path.article_id} is withdrawn{why}")
        # What was pushed last may have been pruned since; the tombstone tells.
        if door.is_tombstone(path.article_id) if found is None else found.stage is None and found.withdrawn:
            raise Gone(f"the article {path.article_id} was withdrawn, or is no longer kept")
        if found is None:
            raise NotFound(_NEVER)
        answer: dict[str, Any] = to_plain(found)
        del answer["withdrawn"]
        return answer


def _add_withdrawal(api: APIBlueprint, door: Door) -> None:
    @api.delete("/v1/articles/<article_id>", responses={200: WithdrawnAnswer})
    def withdraw_article(path: ArticlePath, query: WithdrawQuery) -> dict[str, Any]:
        """Withdraw an article for good: search forgets it, and its item is not taken again.

        With ``purge=true`` its text, revisions and originals are erased too.
        """
        check_once(request.query_string)
        purge = query.purge == "true"
        done = door.withdraw(path.article_id, purge=purge)
        if done is None:
            raise NotFound(_NEVER)
        answer = {"id": path.article_id, "status": "withdrawn", "submissions": done.submissions}
        return answer | {"purged": True, "backups": BACKUPS} if purge else answer


def _describe_key(operation: Operation) -> None:
    # A header model would describe it too, but is turned into a schema anew with every request.
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    header = {"name": HEADER, "in": "header", "description": _KEY_WORDS, "schema": schema}
    operation.parameters = [*(operation.parameters or ()), Parameter.model_validate(header)]


class _Push:
    """One request that pushes articles, under an Idempotency-Key or without one."""

    def __init__(self, door: Door, key: OnceKey | None) -> None:
        self._door = door
        self._key = key

    def one(self, item: object) -> Response:
        """Accept one item; 409 when it was withdrawn."""
        article = read_push(item, self._door.settings, self._door.now())
        return self._accept([article], _one_answer)

    def array(self, items: list[object]) -> Response:
        """Accept what can be accepted of many."""
        limit = self._door.settings.max_array_items
        if not items:
            raise InvalidRequest("request", "must hold at least one article")
        if len(items) > limit:
            words = f"must hold at most {limit} articles; stream more to /v1/articles:bulk"
            raise InvalidRequest("request", words)
        now = self._door.now()
        checked = [self._door.check(item, now) for item in items]
        found = good(checked)
        if not found:
            return _none_of_them(400, "Invalid request", checked, [])
        return self._accept(found, lambda receipts: _array_answer(checked, receipts))

    def _accept(self, articles: list[RawArticle], shape: Callable[[list[Accepted]], Response]) -> Response:
        if self._key is None:
            return shape(self._door.accept(articles))

        def packed(receipts: list[Accepted]) -> bytes:
            answer = shape(receipts)
            return pack_answer(answer.status_code, answer.get_data())

        return kept_response(self._door.accept_once(self._key, articles, packed))


def _one_answer(receipts: list[Accepted]) -> Response:
    (accepted,) = receipts
    if accepted.withdrawn:
        return problem(409, "Withdrawn", withdrawn_words(accepted.id), id=accepted.id)
    return _json(receipt(accepted))


def _array_answer(checked: Sequence[Checked], receipts: list[Accepted]) -> Response:
    if all(accepted.withdrawn for accepted in receipts):
        return _none_of_them(409, "Withdrawn", checked, receipts)
    return _json({"results": _results(checked, receipts)})


def _none_of_them(
    status: int, title: str, checked: Sequence[Checked], receipts: Sequence[Accepted]
) -> Response:
    detail = "no article of the array can be accepted"
    return problem(status, title, detail, _by_index(checked), results=_results(checked, receipts))


def _results(checked: Sequence[Checked], receipts: Sequence[Accepted]) -> list[dict[str, object]]:
    return [result(index, outcome) for index, outcome in enumerate(in_order(checked, receipts))]


def _json(body: dict[str, Any], status: int = 202) -> Response:
    return Response(to_json(body), status, content_type="application/json")


def _by_index(checked: Sequence[Checked]) -> list[FieldError]:
    return [
        FieldError(f"{index}.{error.field}", error.message)
        for index, one in enumerate(checked)
        if isinstance(one, InvalidPush)
        for error in one.errors
    ]
