"""The door itself: what was checked goes into the ledger, and only then is anybody told.

Leaves HTTP to the routes and the check of items to ``shared.push``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeVar

from services.ingest.capacity import Capacity
from services.ingest.params import is_id
from services.ingest.together import Together
from shared.article import RawArticle
from shared.clock import from_ms, now_ms
from shared.errors import Unavailable
from shared.fields import FieldError
from shared.ledger.keeping import OnceAnswer, OnceKey, Withdrawal
from shared.ledger.port import Accepted, Ledger, Origin, SubmissionStatus
from shared.log import bound
from shared.messages import Lane, Stage
from shared.push import InvalidPush, read_push
from shared.settings import Settings

REMEMBERED_SECONDS: Final = 10.0  # how long a failed commit speaks against readiness, without another push
T = TypeVar("T")
Checked = RawArticle | InvalidPush
Outcome = Accepted | InvalidPush


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
        self._together = Together(self._commit)
        self._refused: tuple[float, str] | None = None  # when the last commit failed, and why
        self.capacity = Capacity(settings, lambda: ledger.load(now_ms(), settings.max_backlog))

    def check_ready(self) -> None:
        """Return when pushes can be committed; raises ``Unavailable``.

        SQLite begins a write on a full disk without complaint, so free space is looked at, and what the last
        push met with: there are disks that are full for the ledger alone.
        """
        self._ledger.check()
        self.capacity.check_disk()
        refused = self._refused
        if refused is not None and time.monotonic() - refused[0] < REMEMBERED_SECONDS:
            raise Unavailable(f"the last push was not committed: {refused[1]}")

    def now(self) -> datetime:
        """The time that a whole request is checked against."""
        return from_ms(now_ms())

    def check(self, item: object, now: datetime) -> Checked:
        """Check one item; what is wrong comes back as a value, so that a batch goes on."""
        try:
            return read_push(item, self.settings, now)
        except InvalidPush as error:
            return error

    def accept(self, articles: Sequence[RawArticle]) -> list[Accepted]:
        """Commit all or none; raises ``Unavailable``. The receipts are durable when this returns.

        A receipt may say ``withdrawn``: its item is not taken any more.
        """
        if not articles:
            return []
        receipts = self._together.accept(articles, origin())
        self._wake(receipts)
        return receipts

    def accept_each(self, checked: Sequence[Checked]) -> list[Outcome]:
        """Commit the good ones together; outcomes in the order of ``checked``."""
        return in_order(checked, self.accept(good(checked)))

    def accept_once(
        self, key: OnceKey, articles: Sequence[RawArticle], answer: Callable[[list[Accepted]], bytes]
    ) -> OnceAnswer:
        """Commit under an Idempotency-Key with the answer; raises ``KeyReused`` and ``Unavailable``."""
        taken: list[Accepted] = []

        def note(receipts: list[Accepted]) -> bytes:
            taken[:] = receipts
            return answer(receipts)

        kept = self._watched(lambda: self._ledger.accept_once(key, articles, now_ms(), note, origin=origin()))
        self._wake(taken)  # nothing, when the answer was given before
        return kept

    def withdraw(self, article_id: str, *, purge: bool) -> Withdrawal | None:
        """Take an article out of search and block its item; None when nobody ever pushed it."""
        done = self._ledger.withdraw(article_id, now_ms(), purge=purge) if is_id(article_id) else None
        for stage, lane in done.wake if done else ():
            self._waker.wake(stage, lane)
        return done

    def status(self, article_id: str) -> SubmissionStatus | None:
        """Where the newest submission of an article stands."""
        return self._ledger.status(article_id) if is_id(article_id) else None

    def is_tombstone(self, article_id: str) -> bool:
        """Whether an article is kept only so that nobody sees it any more."""
        article = self._ledger.article(article_id) if is_id(article_id) else None
        return article is not None and article.withdrawn

    def _commit(self, articles: Sequence[RawArticle], origins: Sequence[Origin]) -> list[Accepted]:
        return self._watched(lambda: self._ledger.accept(articles, now_ms(), origins=origins))

    def _watched(self, commit: Callable[[], T]) -> T:
        try:
            done = commit()
        except Unavailable as error:
            self._refused = (time.monotonic(), str(error))
            raise
        self._refused = None
        return done

    def _wake(self, receipts: Sequence[Accepted]) -> None:
        taken = [one.submission for one in receipts if not one.withdrawn and not one.killed]
        if taken:
            self._waker.wake("clean", ids=taken)
        if any(one.killed for one in receipts):
            self._waker.wake("index")


def origin() -> Origin:
    """The request under way, which whatever it brings is traced back to."""
    return Origin(bound("request_id"), bound("traceparent"))


def good(checked: Sequence[Checked]) -> list[RawArticle]:
    """What of the checked items can be accepted."""
    return [one for one in checked if isinstance(one, RawArticle)]


def in_order(checked: Sequence[Checked], receipts: Sequence[Accepted]) -> list[Outcome]:
    """Receipts of the good items between the errors of the others, in the order of ``checked``."""
    rest = iter(receipts)
    return [one if isinstance(one, InvalidPush) else next(rest) for one in checked]


def unreadable(field: str, message: str) -> InvalidPush:
    """The error of an item that could not even be read."""
    return InvalidPush([FieldError(field, message)])
