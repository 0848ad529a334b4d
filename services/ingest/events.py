"""The events' HTTP: what befell articles, for consumers that follow from the last id that they read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field

from services.ingest.params import check_once
from shared.codec import to_json
from shared.ledger.telling import EventKind, Telling

MAX_LIMIT: Final = 1_000
_MAX_ID: Final = 2**63 - 1
_ABOUT: Final = (
    "An event tells what the ledger decided, in the order in which it was committed. Search follows within "
    "seconds: an article that was just published may not be found yet, and one that was withdrawn may still "
    "be for a moment."
)


class EventsQuery(BaseModel):
    """Where a consumer stands, and how many events it wants at once."""

    model_config = ConfigDict(extra="forbid")

    since: int = Field(0, ge=0, le=_MAX_ID, description="the last id read: next of the answer before")
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="how many at most")


class EventItem(BaseModel):
    """One event; ``id`` grows in the order in which events were committed."""

    id: int
    at: datetime
    kind: EventKind
    article_id: str
    source: str
    revision: int
    change: int
    detail: dict[str, Any] = Field(description="what else is told of it; never any text of the article")


class EventPage(BaseModel):
    """Events beyond ``since``, the oldest first; none: there is nothing new yet."""

    events: list[EventItem]
    next: int = Field(description="since of the next request; a since beyond last is led back to last")
    last: int = Field(description="the id of the newest event there is; to follow from now on, begin here")
    missed: bool = Field(
        description="events right behind since are no longer kept, or since is beyond last, as after the "
        "ledger was restored from an older copy: read the articles anew"
    )


def add_events(api: APIBlueprint, ledger: Telling) -> None:
    """Add ``/v1/events``."""

    @api.get("/v1/events", responses={200: EventPage}, description=_ABOUT)
    def list_events(query: EventsQuery) -> Response:
        """What befell articles since an event: published, updated, withdrawn, held, released, expired."""
        check_once(request.query_string)
        answer = Response(to_json(_page(ledger, query)), content_type="application/json")
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _page(ledger: Telling, query: EventsQuery) -> dict[str, Any]:
    oldest, newest = ledger.event_bounds()
    found = ledger.events(query.since, query.limit)
    # Ids beyond the newest were given by a ledger that is no longer there; who waited for more of them would
    # miss all that happens until then.
    is_beyond = query.since > newest
    return {
        "events": found,
        "next": found[-1].id if found else min(query.since, newest),
        "last": max(newest, found[-1].id) if found else newest,
        "missed": is_beyond or 0 < query.since < oldest - 1,
    }
