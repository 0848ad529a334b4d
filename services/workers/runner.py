"""Runs one stage in one process: claim from the ledger, work, commit, wake what comes next."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence

from services.workers import steps
from services.workers.batches import BatchSize, renewed_lease
from services.workers.calm import Calm
from services.workers.lanes import (
    REPLAY_LEAST,
    REPLAY_MOST_SECONDS,
    REPLAY_SECONDS,
    REST_LEAST_SECONDS,
    ReplaySlot,
)
from services.workers.metrics import Measures
from services.workers.parts import Parts
from services.workers.pipeline import NEXT
from services.workers.stopping import Ending
from shared.clock import from_ms, now_ms
from shared.errors import BadSettings, CopydeskError, Unavailable
from shared.ledger.port import Claim, Committed, Outcome, Work
from shared.log import get_logger
from shared.messages import LANES, Lane, Stage
from shared.settings import Settings

AGAIN_SECONDS = 1.0  # a stage that put rows back is woken when they are due
REQUESTS_SHOWN = 20  # ids in the line of a batch, which may be of as many requests as articles
REASON_SHOWN = 300  # characters of a failure in Flower; the ledger keeps all of it
COMMIT_PAUSES = (0.2, 1.0, 3.0)  # seconds; together well inside a lease


class StageFailed(CopydeskError):  # noqa: N818 - read as a sentence in Flower
    """Some articles of a batch raised; the others are committed."""

    quotes = True  # the first article's trouble, as Flower shows it; the log must not


class StageWaits(CopydeskError):  # noqa: N818 - read as a sentence in Flower
    """The stage cannot work while something that it needs is away; it is woken again by itself."""


def batch_size_of(stage: Stage, settings: Settings) -> BatchSize:
    """How a stage learns what to claim; ``dedupe`` and ``index`` have a least, as their batches cost much."""
    if stage == "index":
        most = settings.index_batch_size
        # Of 5 articles a write took 365 ms, of 100 540 ms (busy machine, two indices, 2026-11-26).
        return BatchSize(most, least=most // 8)
    # A commit of dedupe waits for its turn on PostgreSQL, however few it is of: with 3,400 waiting, five at
    # a time were taken, and the processors had nothing to do (2026-11-27).
    least = settings.batch_size // 16 if stage == "dedupe" else 1
    return BatchSize(settings.batch_size, least=least)


class StageRunner:
    """Runs claims of one stage in one process; ``slot`` and ``ending`` are shared by a worker's children."""

    def __init__(
        self,
        stage: Stage,
        parts: Parts,
        slot: ReplaySlot | None = None,
        ending: Ending | None = None,
        measures: Measures | None = None,
    ) -> None:
        self._stage = stage
        self._parts = parts
        self._slot = slot
        self._ending = ending
        self._measures = measures
        self._size = batch_size_of(stage, parts.settings)
        self._calm = Calm(stage)
        self._worked: float | None = None  # seconds that the last claim's work took; None: it was cut short
        self._began_ns = 0  # when the last claim's work began, since the epoch
        self._owed: list[str] = []  # tokens of claims whose commit could not be written
        self._convicted: list[str] = []  # why articles were quarantined by the last claim itself
        self.held_up: str | None = None  # what the last run could not work for; None: it could

    def run(self, lane: Lane, token: str) -> str:
        """Take one batch through the stage; answers with a line that Flower shows."""
        self.held_up = None
        if lane not in LANES:  # of a newer build, whose workers know it
            get_logger().warning("unknown lane left alone", stage=self._stage, lane=str(lane)[:40])
            return "knows no such lane"
        self._parts.waker.started(self._stage, lane)
        if self._ending:  # a task that was in the pipe of a child already
            self._parts.waker.wake(self._stage, lane)
            return "left to others, since this worker ends"
        if self._calm.seconds_left():
            return self._wait(lane)
        try:
            return self._take(lane, token)
        except Unavailable as error:  # the ledger or Redis; what the stage itself met is dealt with below
            self._note_trouble(error)
            return self._wait(lane)

    def _wait(self, lane: Lane) -> str:
        left = self._calm.seconds_left()
        self._parts.waker.wake(self._stage, lane, delay=left)
        self.held_up = self._calm.reason
        return f"waits another {left:.1f} s: {self._calm.reason}"

    def _take(self, lane: Lane, token: str) -> str:
        parts = self._parts
        if self._stage == "dedupe" and not parts.fingerprints.is_ready():
            parts.waker.sweep()
            self.held_up = "fingerprints are lost"
            return "waits until fingerprints are put back"
        if lane == "replay" and self._slot is not None and parts.waker.live_lately():
            return self._take_beside_live(self._slot, token)
        claim = self._claim(lane, token, self._size.now())
        if claim is None:
            return self._end("nothing waits")
        if claim.full:  # now, not when done: the next process takes the next batch beside this one
            parts.waker.wake(self._stage, lane, at_once=True)
        return self._settle(claim, self._work(claim), pause=0.0)

    def _take_beside_live(self, slot: ReplaySlot, token: str) -> str:
        """Replay while live news comes in: a small batch, one at a time in this worker, then a rest."""
        if wait := slot.take():
            self._parts.waker.wake(self._stage, "replay", delay=wait)
            return "gives way to live news"
        try:
            least = min(REPLAY_LEAST, self._size.now(REPLAY_MOST_SECONDS))
            claim = self._claim("replay", token, max(least, self._size.now(REPLAY_SECONDS)))
            if claim is None:
                return self._end("nothing waits")
            return self._settle(claim, self._work(claim), pause=REST_LEAST_SECONDS)
        finally:
            slot.give()

    def _claim(self, lane: Lane, token: str, limit: int) -> Claim | None:
        ledger = self._parts.ledger
        self._convicted.clear()
        while self._owed:
            ledger.release(self._owed[-1], now_ms())
            self._owed.pop()
        return ledger.claim(self._stage, lane, limit, self._parts.worker, now_ms(), token, self._convicted)

    def _end(self, said: str, failures: Sequence[Outcome] = ()) -> str:
        """End the task: in green, or as a failure where an article failed, or was quarantined in the claim.

        The worker that died of an article, whole, could not say so itself.
        """
        convicted = f"{len(self._convicted)} quarantined as claimed, " if self._convicted else ""
        reasons = [*(outcome.reason or "" for outcome in failures), *self._convicted]
        if reasons:
            raise StageFailed(f"{convicted}{said}; first: {reasons[0][:REASON_SHOWN]}")
        return said

    def _step(self, works: Sequence[Work]) -> list[Outcome]:
        if self._stage == "clean":
            profiles = self._parts.context.profiles(steps.sources_of(works))
            return steps.run_clean(works, self._parts.settings.max_body_chars, profiles)
        if self._stage == "dedupe":
            parts = self._parts
            return steps.run_dedupe(works, parts.fingerprints, near=parts.near, stories=parts.stories)
        if self._stage == "tag":
            return steps.run_tag(works, self._parts.tagger, self._parts.context.frequencies)
        return steps.run_index(works, self._parts.index, from_ms(now_ms()))

    def _work(self, claim: Claim) -> list[Outcome]:
        settings, ledger = self._parts.settings, self._parts.ledger
        began, self._worked = time.monotonic(), None
        self._began_ns = time.time_ns()
        lease = renewed_lease(ledger, claim.token, settings.lease_seconds / 3, settings.task_time_limit)
        try:
            with lease:
                outcomes = self._step(claim.works)
        except (Unavailable, BadSettings) as error:
            self._note_trouble(error)
            return [Outcome(work.sequence, "deferred", str(error)) for work in claim.works]
        except Exception as error:
            self._blame(claim, error)
            raise
        self._worked = time.monotonic() - began
        self._note_calm(outcomes)
        return outcomes

    def _note_calm(self, outcomes: Sequence[Outcome]) -> None:
        """Trouble is over once anything got through; an engine that puts off every item is away as well."""
        if outcomes and all(outcome.word == "deferred" for outcome in outcomes):
            self._note_trouble(Unavailable(outcomes[0].reason or "every item was put off"))
        else:
            self._calm.over()

    def _note_trouble(self, error: Exception) -> None:
        self._calm.trouble(error)
        if self._measures is not None:
            self._measures.outage(self._stage)

    def _measure(
        self, claim: Claim, outcomes: Sequence[Outcome], done: Committed, seconds: float | None
    ) -> None:
        if self._measures is None:
            return
        if self._stage == "index":
            self._measures.seat(self._parts.index)
        self._measures.batch(claim, outcomes, done.words, seconds)

    def _blame(self, claim: Claim, error: Exception) -> None:
        """Give a failed batch back: its members are tried alone, one tried alone keeps its attempt."""
        told = traceback.format_exc()
        self._parts.ledger.release(claim.token, now_ms(), blame=steps.describe(error), traceback=told)
        for lane in LANES:  # a row may have been moved to the other one meanwhile
            self._parts.waker.wake(self._stage, lane)

    def _settle(self, claim: Claim, outcomes: list[Outcome], pause: float) -> str:
        began = time.monotonic()
        done = self._commit(claim, outcomes)
        seconds = None if self._worked is None else self._worked + time.monotonic() - began
        if seconds is not None:
            # The ledger is nobody else's meanwhile: a claim must be small enough for its commit as well.
            self._size.learn(len(claim.works), seconds)
        self._wake(claim, done, pause)
        self.held_up = self._calm.reason  # what the whole batch was put off for
        if done.leads:
            steps.write_leads(done.leads, self._parts.near)
        if self._stage == "dedupe" and done.words:  # only what was compared, and is written down, counts
            self._parts.context.count(steps.sightings(claim.works, outcomes))
        self._measure(claim, outcomes, done, seconds)  # what only tells comes when all is done
        if done.words:
            self._tell(claim, outcomes)
        said = ", ".join(f"{count} {word}" for word, count in sorted(done.words.items())) or "came too late"
        if not done.words:
            get_logger().warning("batch came too late", stage=self._stage, lane=claim.lane)
        elif done.words.keys() != {"deferred"}:  # what waits has been told of once
            told = {**done.words, **_requests_of(claim.works)}
            get_logger().info("batch done", stage=self._stage, lane=claim.lane, **told)
        # What the index refuses goes to quarantine without having raised, and is no success either.
        failures = [outcome for outcome in outcomes if outcome.word in ("failed", "quarantined")]
        return self._end(said, failures if done.words else ())  # what came too late convicted nobody

    def _tell(self, claim: Claim, outcomes: Sequence[Outcome]) -> None:
        """Tell the log, and a trace where there is one, what became of each article and who brought it."""
        words = {outcome.sequence: outcome.word for outcome in outcomes}
        for work in claim.works:
            word = words[work.sequence]
            if word == "deferred":  # it waits, as the whole stage does, and that is told once
                continue
            tell = get_logger().warning if word in ("failed", "quarantined") else get_logger().debug
            tell(
                "article taken", stage=self._stage, word=word, article=work.article_id,
                submission=work.submission, request_id=work.origin.request, attempt=work.attempts,
            )  # fmt: skip
        if self._parts.tracing is not None:
            worker = self._parts.worker
            self._parts.tracing.tell_stage(claim, outcomes, worker, self._began_ns, time.time_ns())

    def _commit(self, claim: Claim, outcomes: list[Outcome]) -> Committed:
        """Commit, with patience: work that is done should not be done again for a busy moment."""
        parts = self._parts
        for pause in (*COMMIT_PAUSES, None):
            try:
                return parts.ledger.commit(claim, outcomes, NEXT[self._stage], parts.worker, now_ms())
            except Unavailable:
                if pause is None:
                    # Given back without blame once the ledger is there again: an outage convicts nobody.
                    self._owed.append(claim.token)
                    raise
                time.sleep(pause)
            except Exception as error:
                self._blame(claim, error)
                raise
        raise AssertionError("the last round returned or raised")

    def _wake(self, claim: Claim, done: Committed, pause: float) -> None:
        """Wake who has work now; this stage itself not before it may try, or has rested."""
        ids = [work.submission for work in claim.works]
        left = self._calm.seconds_left()
        for stage, lane in done.wake:
            own = stage == self._stage
            delay = max(AGAIN_SECONDS, left) if own else 0.0
            self._parts.waker.wake(stage, lane, () if own else ids, delay=delay)
        for lane in done.turn:
            self._parts.waker.wake("dedupe", lane, delay=left, at_once=True)
        if claim.full and not left:
            self._parts.waker.wake(self._stage, claim.lane, delay=pause, at_once=True)


def _requests_of(works: Sequence[Work]) -> dict[str, object]:
    """Who brought a batch, for its line in the log: the first of its requests' ids, and how many more."""
    found = list(dict.fromkeys(work.origin.request for work in works if work.origin.request))
    told: dict[str, object] = {"request_ids": found[:REQUESTS_SHOWN]} if found else {}
    return told | ({"more_requests": more} if (more := len(found) - REQUESTS_SHOWN) > 0 else {})
