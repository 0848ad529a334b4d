"""The shapes of ingest's answers, for its routes and for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, RootModel

from shared.fields import InvalidFields
from shared.http import ProblemField
from shared.ledger.port import Accepted
from shared.messages import Held, Stage, Status


class Receipt(BaseModel):
    """One accepted item; ``status_url`` says how it fares. A kill has been carried out by then."""

    id: str
    submission: str
    status: Literal["accepted"] = "accepted"
    status_url: str


class Result(BaseModel):
    """The outcome of one item of a batch; ``error`` says in words what ``errors`` says by field.

    ``refused``: its article was withdrawn for good. ``unavailable``: not now; send it again.
    """

    index: int
    status: Literal["accepted", "invalid", "refused", "unavailable"]
    id: str | None = None
    submission: str | None = None
    error: str | None = None
    errors: list[ProblemField] = Field(default_factory=list)


class Results(BaseModel):
    """The outcomes of an array, in its order."""

    results: list[Result]


class PushAnswer(RootModel[Receipt | Results]):
    """The answer to one article, or to an array of them."""


class StatusAnswer(BaseModel):
    """Where the newest submission of an article stands; ``stage`` is null once it has ended."""

    id: str
    submission: str
    revision: int
    status: Status
    stage: Stage | None
    reason: str | None
    attempts: int
    updated_at: datetime
    request: str | None = Field(description="the X-Request-Id of the push that brought it")
    held: Held | None = Field(description="why search does not show it now, though it is indexed")


class WithdrawnAnswer(BaseModel):
    """What a withdrawal did; the last two only with ``purge=true``."""

    id: str
    status: Literal["withdrawn"] = "withdrawn"
    submissions: int = Field(description="how many submissions of it there are")
    purged: bool | None = None
    backups: str | None = Field(None, description="where it may still be, and for how long")


def receipt(accepted: Accepted) -> dict[str, object]:
    """A ``Receipt`` as plain values."""
    return {
        "id": accepted.id,
        "submission": accepted.submission,
        "status": "accepted",
        "status_url": f"/v1/articles/{accepted.id}/status",
    }


def result(index: int, outcome: Accepted | InvalidFields) -> dict[str, object]:
    """A ``Result`` as plain values."""
    if isinstance(outcome, Accepted) and outcome.withdrawn:
        return {"index": index, "status": "refused", "id": outcome.id, "error": withdrawn_words(outcome.id)}
    if isinstance(outcome, Accepted):
        done = {"id": outcome.id, "submission": outcome.submission, "error": None}
        return {"index": index, "status": "accepted", **done}
    errors = [{"field": error.field, "message": error.message} for error in outcome.errors]
    words = "; ".join(f"{error.field}: {error.message}" for error in outcome.errors)
    return {"index": index, "status": "invalid", "id": None, "error": words, "errors": errors}


def withdrawn_words(article_id: str) -> str:
    """Why a push of a withdrawn item is refused."""
    return f"the article {article_id} was withdrawn for good; its item is not taken again"


def not_now(index: int, reason: str) -> dict[str, object]:
    """The ``Result`` of an item that was not taken because the ledger is away; send it again."""
    return {"index": index, "status": "unavailable", "id": None, "error": reason}
