"""The shapes of the quarantine's requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.clock import to_ms
from shared.codec import to_plain
from shared.fields import FieldError, InvalidFields
from shared.identity import check_source
from shared.ledger.keeping import Quarantined, QuarantineFilter
from shared.ledger.port import JourneyStep
from shared.messages import Stage
from shared.push import Clean, Moment, at_most, needed, push_item, usable

MAX_SIZE: Final = 500
MAX_REASON_CHARS: Final = 1_000
_MAX_SEQUENCE: Final = 2**63 - 1
_PLACE: Final = 'belongs under which, as in {"reason": "spam", "which": {"all": true}}'

_Words = Annotated[Clean, AfterValidator(needed), at_most(MAX_REASON_CHARS)]
_SourceId = Annotated[Clean, AfterValidator(usable(check_source))]


class Conditions(BaseModel):
    """Which quarantined submissions are meant; every condition given must hold."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: _Words | None = Field(None, description="a part of the reason, in any case")
    stage: Stage | None = Field(None, description="where it failed")
    source: _SourceId | None = Field(None, description="id of the source")
    since: Moment | None = Field(None, description="quarantined then or later")
    until: Moment | None = Field(None, description="quarantined before then")

    def to_filter(self) -> QuarantineFilter:
        """The ledger's filter; raises ``InvalidFields`` for a time that ends before it begins."""
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise InvalidFields([FieldError("until", "must be later than since")])
        return QuarantineFilter(
            reason=self.reason,
            stage=self.stage,
            source=self.source,
            since=None if self.since is None else to_ms(self.since),
            until=None if self.until is None else to_ms(self.until),
        )


class QuarantineQuery(Conditions):
    """The query string of the list."""

    model_config = ConfigDict(strict=False, extra="forbid")

    size: int = Field(50, ge=1, le=MAX_SIZE, description="how many to a page")
    after: int = Field(0, ge=0, le=_MAX_SEQUENCE, description="the cursor: next of the page before")


class Which(Conditions):
    """Conditions, of which at least one is needed, or ``all``."""

    all: bool = Field(default=False, description="true: everything that is in quarantine")

    def to_filter(self) -> QuarantineFilter:
        """The ledger's filter; raises ``InvalidFields`` when nothing says what is meant, or two things do."""
        names = ("reason", "stage", "source", "since", "until")
        given = [name for name in names if getattr(self, name) is not None]
        if self.all and given:
            raise InvalidFields([FieldError("all", f"cannot be given beside {given[0]}")])
        if not self.all and not given:
            message = f"must be true, unless a condition is given ({', '.join(names)})"
            raise InvalidFields([FieldError("all", message)])
        return super().to_filter()


def _deprecate_flat(schema: dict[str, Any]) -> None:
    for name, described in schema["properties"].items():
        if name != "which":
            described["deprecated"] = True


class ReplayMany(Which):
    """Which submissions are replayed: conditions under ``which``, as at drop, or beside each other."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra=_deprecate_flat)

    which: Which | None = None

    def to_filter(self) -> QuarantineFilter:
        """The ledger's filter; raises ``InvalidFields`` as ``Which`` does, or for both places at once."""
        if self.which is None:
            return super().to_filter()
        beside = sorted(self.model_fields_set - {"which"})
        if beside:
            raise InvalidFields([FieldError(beside[0], "cannot be given beside which; put it under which")])
        return _under_which(self.which)


class DropOne(BaseModel):
    """Why one submission is dropped."""

    model_config = ConfigDict(strict=True, extra="forbid")

    reason: _Words


class DropMany(DropOne):
    """Why some submissions are dropped, and which.

    Conditions stand under ``which`` alone: a ``reason`` beside them could be meant as one of them, and
    without it too many would go.
    """

    which: Which

    @model_validator(mode="before")
    @classmethod
    def _refuse_flat(cls, given: object) -> object:
        flat = [name for name in given if name in Which.model_fields] if isinstance(given, dict) else []
        misplaced = [FieldError(name, _PLACE) for name in flat if name != "reason"]
        if misplaced:
            raise InvalidFields(misplaced)
        return given

    def to_filter(self) -> QuarantineFilter:
        """The ledger's filter; raises ``InvalidFields`` as ``Which`` does."""
        return _under_which(self.which)


def _under_which(which: Which) -> QuarantineFilter:
    try:
        return which.to_filter()
    except InvalidFields as error:
        errors = [FieldError(f"which.{one.field}", one.message) for one in error.errors]
        raise InvalidFields(errors) from error


class QuarantinedItem(BaseModel):
    """One quarantined submission; ``id`` is its article's."""

    submission: str
    id: str
    source: str
    stage: Stage
    reason: str
    attempts: int
    accepted_at: datetime
    quarantined_at: datetime


class QuarantineStep(BaseModel):
    """One step of its way."""

    submission: str
    at: datetime
    stage: str
    word: str
    worker: str
    attempt: int
    detail: str | None


class QuarantinedWhole(QuarantinedItem):
    """One with everything that is known of it; ``original`` can be pushed again as it is."""

    traceback: str | None
    original: dict[str, Any] | None = Field(description="null when it was pruned, or is the ledger's own")
    journey: list[QuarantineStep]


class QuarantinePage(BaseModel):
    """A page of the quarantine, oldest acceptance first; ``next`` is null at the end."""

    total: int
    items: list[QuarantinedItem]
    next: int | None


class Replayed(BaseModel):
    """How many were sent back to work."""

    replayed: int


class Dropped(BaseModel):
    """How many were ended."""

    dropped: int


def item_json(found: Quarantined) -> dict[str, Any]:
    """A ``QuarantinedItem`` as plain values."""
    plain = to_plain(found) | {"id": found.article_id}
    return {name: plain[name] for name in QuarantinedItem.model_fields}


def whole_json(found: Quarantined, journey: list[JourneyStep]) -> dict[str, Any]:
    """A ``QuarantinedWhole`` as plain values."""
    return item_json(found) | {
        "traceback": found.traceback,
        "original": None if found.original is None else push_item(found.original),
        "journey": to_plain(journey),
    }
