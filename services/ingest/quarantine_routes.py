"""The quarantine's HTTP: requests to filters, outcomes to answers."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.schema import Schema
from pydantic import BaseModel, Field
from werkzeug.exceptions import Conflict, NotFound

from services.ingest.bodies import described_body, model_body
from services.ingest.params import check_none, check_once
from services.ingest.quarantine import Quarantine
from services.ingest.quarantine_schema import (
    DropMany,
    DropOne,
    Dropped,
    QuarantinedWhole,
    QuarantinePage,
    QuarantineQuery,
    Replayed,
    ReplayMany,
    Which,
    item_json,
    whole_json,
)
from shared.ledger.keeping import QuarantineFilter

_REF: Final = "#/components/schemas/{model}"
_BODIES: Final[tuple[type[BaseModel], ...]] = (Which, ReplayMany, DropOne, DropMany)
_Json = dict[str, Any]


class SubmissionPath(BaseModel):
    """The id of a submission in a path."""

    submission: str = Field(description="32 hex digits, as the push was answered with")


def add_quarantine(api: APIBlueprint, quarantine: Quarantine) -> None:
    """Add the routes under ``/v1/quarantine``."""
    for model in _BODIES:
        schema = model.model_json_schema(ref_template=_REF)
        schema.pop("$defs", None)
        api.components_schemas[model.__name__] = Schema(**schema)
    _add_reading(api, quarantine)
    _add_replay(api, quarantine)
    _add_drop(api, quarantine)


def _add_reading(api: APIBlueprint, quarantine: Quarantine) -> None:
    @api.get("/v1/quarantine", responses={200: QuarantinePage})
    def list_quarantined(query: QuarantineQuery) -> _Json:
        """What lies in quarantine, oldest acceptance first, page by page."""
        check_once(request.query_string)
        which = query.to_filter()
        items, following = quarantine.page(which, query.after, query.size)
        total = quarantine.count(which)
        return {"total": total, "items": [item_json(item) for item in items], "next": following}

    @api.get("/v1/quarantine/<submission>", responses={200: QuarantinedWhole})
    def show_quarantined(path: SubmissionPath) -> _Json:
        """One with its original, its traceback and its journey."""
        check_none(request.query_string)
        found = quarantine.one(path.submission)
        if found is None:
            raise _not_there(path.submission)
        return whole_json(found, quarantine.journey(found))


def _add_replay(api: APIBlueprint, quarantine: Quarantine) -> None:
    described = _described(ReplayMany)

    @api.post("/v1/quarantine/<submission>/replay", responses={200: Replayed})
    def replay_one(path: SubmissionPath) -> _Json:
        """Send one back to work, with fresh attempts."""
        check_none(request.query_string)
        count = quarantine.replay(_only(quarantine, path.submission))
        if not count:
            raise Conflict(f"the submission {path.submission} cannot be replayed: its original is gone")
        return {"replayed": count}

    @api.post("/v1/quarantine/replay", responses={200: Replayed}, openapi_extensions=described)
    def replay_many() -> _Json:
        """Send back all that fulfil the conditions and were quarantined before this request."""
        check_none(request.query_string)
        return {"replayed": quarantine.replay(model_body(request, ReplayMany).to_filter())}


def _add_drop(api: APIBlueprint, quarantine: Quarantine) -> None:
    described = _described(DropOne)

    @api.post("/v1/quarantine/<submission>/drop", responses={200: Dropped}, openapi_extensions=described)
    def drop_one(path: SubmissionPath) -> _Json:
        """End one as rejected, for a reason."""
        check_none(request.query_string)
        reason = model_body(request, DropOne).reason
        count = quarantine.drop(_only(quarantine, path.submission), reason)
        if not count:
            raise _not_there(path.submission)
        return {"dropped": count}

    @api.post("/v1/quarantine/drop", responses={200: Dropped}, openapi_extensions=_described(DropMany))
    def drop_many() -> _Json:
        """End all that fulfil the conditions and were quarantined before this request."""
        check_none(request.query_string)
        given = model_body(request, DropMany)
        return {"dropped": quarantine.drop(given.to_filter(), given.reason)}


def _only(quarantine: Quarantine, submission: str) -> QuarantineFilter:
    if quarantine.one(submission) is None:
        raise _not_there(submission)
    return QuarantineFilter(submissions=(submission,))


def _not_there(submission: str) -> NotFound:
    return NotFound(f"no submission with the id {submission} is in quarantine")


def _described(model: type[BaseModel]) -> _Json:
    return described_body({"application/json": {"schema": {"$ref": _REF.format(model=model.__name__)}}})
