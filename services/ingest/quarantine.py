"""The quarantine for people: what lies in it, back to work, or out; leaves HTTP to its routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from services.ingest.door import Wakes
from services.ingest.params import is_id
from shared.clock import now_ms
from shared.ledger.keeping import Page, Quarantined, QuarantineFilter
from shared.ledger.port import JourneyStep, Ledger
from shared.messages import Stage

BATCH: Final = 500  # submissions changed in one transaction
_BACK_TO: Final[tuple[Stage, ...]] = ("clean", "index")  # a refresh of the ledger's own goes back to index

_Change = Callable[[QuarantineFilter, int, int], Page]


class Quarantine:
    """Lists, replays and drops what was quarantined; replayed work is announced to its stages."""

    def __init__(self, ledger: Ledger, waker: Wakes) -> None:
        self._ledger = ledger
        self._waker = waker

    def count(self, which: QuarantineFilter) -> int:
        """How many there are."""
        return self._ledger.count_quarantined(which)

    def page(self, which: QuarantineFilter, after: int, size: int) -> tuple[list[Quarantined], int | None]:
        """A page beyond a cursor, oldest acceptance first, and the cursor of the next one (None: the end)."""
        found = self._ledger.quarantined(which, after, size + 1)
        return found[:size], found[size - 1].sequence if len(found) > size else None

    def one(self, submission: str) -> Quarantined | None:
        """One with its original; None when it is not in quarantine."""
        return self._ledger.quarantined_one(submission) if is_id(submission) else None

    def journey(self, found: Quarantined) -> list[JourneyStep]:
        """What was done to one, step by step."""
        steps = self._ledger.journey(found.article_id)
        return [step for step in steps if step.submission == found.submission]

    def replay(self, which: QuarantineFilter) -> int:
        """Send all that were quarantined until now back to work; returns how many.

        What returns to the quarantine meanwhile was quarantined later, and is left there.
        """
        return self._each(which, self._replay_page)

    def drop(self, which: QuarantineFilter, reason: str) -> int:
        """End all that were quarantined until now as rejected, with a reason; returns how many."""
        return self._each(
            which,
            lambda bounded, after, now: self._ledger.drop_quarantined(bounded, after, BATCH, now, reason),
        )

    def _replay_page(self, which: QuarantineFilter, after: int, now: int) -> Page:
        page = self._ledger.replay_quarantined(which, after, BATCH, now)
        for stage in _BACK_TO if page.changed else ():
            self._waker.wake(stage, "replay")
        return page

    def _each(self, which: QuarantineFilter, change: _Change) -> int:
        now = now_ms()
        until = now + 1 if which.until is None else min(which.until, now + 1)
        bounded = replace(which, until=until)
        total, after = 0, 0
        while True:
            page = change(bounded, after, now_ms())
            total += page.changed
            if page.next is None:
                return total
            after = page.next
