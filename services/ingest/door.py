"""The door itself: what was checked goes into the ledger, and only then is anybody told.

Leaves HTTP to the routes and the check of items to ``shared.push``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.ingest.together import Together
from shared.article import RawArticle
from shared.clock import from_ms, now_ms
from shared.fields import FieldError
from shared.ledger.port import Accepted, Ledger, SubmissionStatus
from shared.messages import Lane, Stage
from shared.push import InvalidPush, read_push
from shared.settings import Settings


class Wakes(Protocol):
    """What the door needs of the queue: a call that returns at once and never raises."""

    def wake(self, stage: Stage, lane: Lane = "live", ids: Sequence[str] = ()) -> None:
        """Say that a stage has work."""


class Door:
    """Accepts items: durable in the ledger first, then a wake-up for the stage that comes next."""

    def __init__(self, settings: Settings, ledger: Ledger, waker: Wakes) -> None:
        self.settings = settings
        self._ledger = ledger
        self._waker = waker
        self._together = Together(lambda articles: ledger.accept(articles, now_ms()))

    def now(self) -> datetime:
        """The time that a whole request is checked against."""
        return from_ms(now_ms())

    def check(self, item: object, now: datetime) -> RawArticle | InvalidPush:
        """Check one item; what is wrong comes back as a value, so that a batch goes on."""
        try:
            return read_push(item, self.settings, now)
        except InvalidPush as error:
            return error

    def accept(self, articles: Sequence[RawArticle]) -> list[Accepted]:
        """Commit all or none; raises ``Unavailable``. The receipts are durable when this returns."""
        if not articles:
            return []
        receipts = self._together.accept(articles)
        self._waker.wake("clean", ids=[receipt.submission for receipt in receipts])
        return receipts

    def accept_each(self, checked: Sequence[RawArticle | InvalidPush]) -> list[Accepted | InvalidPush]:
        """Commit the good ones together; outcomes in the order of ``checked``."""
        receipts = iter(self.accept([one for one in checked if isinstance(one, RawArticle)]))
        return [one if isinstance(one, InvalidPush) else next(receipts) for one in checked]

    def status(self, article_id: str) -> SubmissionStatus | None:
        """Where the newest submission of an article stands."""
        return self._ledger.status(article_id)


def unreadable(field: str, message: str) -> InvalidPush:
    """The error of an item that could not even be read."""
    return InvalidPush([FieldError(field, message)])
