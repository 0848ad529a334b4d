"""The upkeep beside the sweeps: removes what is old enough by the settings, and forgets what was erased."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from services.workers.band_claims import near_claim, story_claim
from shared.errors import Unavailable
from shared.fingerprints.bands import Bands
from shared.fingerprints.port import Fingerprints
from shared.ledger.keeping import PruneRule, PruneWhat
from shared.ledger.port import Ledger
from shared.log import get_logger
from shared.messages import LANES
from shared.queue import Waker
from shared.settings import Settings

ROUND_SECONDS = 600.0  # between the beginnings of two rounds
TURN_SECONDS = 2.0  # of one sweep; sweeps are five seconds apart, and waking comes first
BATCH = 200  # rows in one transaction
REFRESH_DAYS = 1.0  # a finished refresh tells nothing that the journey does not
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def prune_rules(settings: Settings, now: int) -> list[PruneRule]:
    """What the settings say may go, as rules; a setting of 0 days keeps for ever."""

    def rule(what: PruneWhat, days: float, **more: Any) -> list[PruneRule]:  # noqa: ANN401 - of PruneRule
        return [PruneRule(what, now - int(days * DAY_MS), **more)] if days else []

    own = settings.source_days()
    rules = [found for source, days in own.items() for found in rule("articles", days, source=source)]
    return [
        *rules,
        *rule("articles", settings.keep_articles_days, except_sources=tuple(own)),
        *rule("originals", settings.keep_originals_days),
        *rule("ended", settings.keep_ended_days),
        *rule("refreshes", REFRESH_DAYS),
    ]


class Upkeep:
    """A little of the upkeep at each sweep: a round every ten minutes, in small steps, within a budget.

    A round that is cut short goes on at the next sweep; one that dies with its process begins anew, and two
    at once find less to do. Texts that were erased are forgotten at every sweep.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._round: Iterator[int] | None = None
        self._next = 0.0  # when the next round is due
        self._removed = 0

    def turn(
        self,
        ledger: Ledger,
        fingerprints: Fingerprints,
        waker: Waker,
        settings: Settings,
        now: int,
        beat: Callable[[], None],
        *,
        bands: Bands | None = None,
        story_bands: Bands | None = None,
    ) -> str:
        """Go on with the round, or begin one when it is due; answers with what was finished, if anything."""
        try:
            forgotten = forget_erased(ledger, fingerprints, beat, bands, story_bands)
            if self._round is None and self._clock() >= self._next:
                self._next = self._clock() + ROUND_SECONDS
                self._round, self._removed = _make_round(ledger, waker, settings, now), 0
            said = self._go_on(beat)
        except Unavailable as error:
            self._round = None
            get_logger().warning("upkeep put off", error=str(error))
            return "upkeep put off"
        return ", ".join(filter(None, [f"forgot {forgotten} texts" if forgotten else "", said]))

    def _go_on(self, beat: Callable[[], None]) -> str:
        end = self._clock() + TURN_SECONDS
        while self._round is not None:
            removed = next(self._round, None)
            beat()
            if removed is None:
                self._round = None
                return f"upkeep removed {self._removed}" if self._removed else ""
            self._removed += removed
            if self._clock() >= end:
                return f"upkeep goes on ({self._removed} removed)"
        return ""


def _make_round(ledger: Ledger, waker: Waker, settings: Settings, now: int) -> Iterator[int]:
    """All the upkeep there is, step by step: each is one short transaction, and yields how much went."""
    waker.tidy()
    before = now - int(settings.idempotency_hours * HOUR_MS)
    yield from _until_short(lambda: ledger.forget_keys(before, BATCH))
    for rule in prune_rules(settings, now):
        after: int | None = 0
        while after is not None:
            page = ledger.prune(rule, after, BATCH, now)
            yield page.changed
            after = page.next
    yield from _until_short(lambda: ledger.bury(now, BATCH))
    if settings.keep_events_days:
        oldest = now - int(settings.keep_events_days * DAY_MS)
        yield from _until_short(lambda: ledger.prune_events(oldest, BATCH))
    for lane in LANES:  # pruned articles leave the index
        waker.wake("index", lane)


def _until_short(step: Callable[[], int]) -> Iterator[int]:
    while True:
        done = step()
        yield done
        if done < BATCH:
            return


def forget_erased(
    ledger: Ledger,
    fingerprints: Fingerprints,
    beat: Callable[[], None],
    bands: Bands | None = None,
    story_bands: Bands | None = None,
) -> int:
    """Let go of the texts of purged articles, and of what was made of them; returns how many texts."""
    total = 0
    while erasures := ledger.erasures(BATCH):
        for one in erasures:
            fingerprints.forget(one.article_id, one.text_hash)
        if bands is not None:
            bands.forget(list(filter(None, map(near_claim, erasures))))
        if story_bands is not None:
            story_bands.forget(list(filter(None, map(story_claim, erasures))))
        ledger.erased(erasures)
        total += len(erasures)
        beat()
    return total
