"""The tasks: thin shells that claim from the ledger, run a stage, commit, and wake what comes next."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Celery, Task
from celery.signals import task_failure

from services.workers import steps
from services.workers.batches import BatchSize, renewed_lease
from services.workers.parts import Parts
from services.workers.pipeline import NEXT
from services.workers.pulse import beat
from services.workers.sweeper import Oldest, sweep
from shared.clock import from_ms, now_ms
from shared.errors import BadSettings, CopydeskError, Unavailable
from shared.ledger.open import open_ledger
from shared.ledger.port import Claim, Committed, Outcome, Work
from shared.log import get_logger
from shared.messages import STAGES, SWEEP, Lane, Stage, task_name
from shared.queue import TROUBLE

AGAIN_SECONDS = 1.0  # a stage that put rows back is woken when they are due

SWEEP_LIMIT = 3_600  # seconds
COMMIT_PAUSES = (0.2, 1.0, 3.0)  # seconds; together well inside a lease


class StageFailed(CopydeskError):  # noqa: N818 - read as a sentence in Flower
    """Some articles of a batch raised; the others are committed."""


class StageRunner:
    """Runs claims of one stage in one process."""

    def __init__(self, stage: Stage, parts: Parts) -> None:
        self._stage = stage
        self._parts = parts
        most = parts.settings.index_batch_size if stage == "index" else parts.settings.batch_size
        self._size = BatchSize(most)

    def run(self, lane: Lane, token: str) -> str:
        """Take one batch through the stage; answers with a line that Flower shows."""
        parts = self._parts
        parts.waker.started(self._stage, lane)
        if self._stage == "dedupe" and not parts.fingerprints.is_ready():
            parts.waker.sweep()
            return "waits until fingerprints are put back"
        claim = self._claim(lane, token)
        if claim is None:
            return "nothing waits"
        if claim.full:  # now, not when done: the next process takes the next batch beside this one
            parts.waker.wake(self._stage, lane, at_once=True)
        return self._settle(claim, self._work(claim))

    def _claim(self, lane: Lane, token: str) -> Claim | None:
        parts = self._parts
        try:
            return parts.ledger.claim(self._stage, lane, self._size.now(), parts.worker, now_ms(), token)
        except Unavailable:
            parts.waker.wake(self._stage, lane, delay=AGAIN_SECONDS)
            raise

    def _step(self, works: Sequence[Work]) -> list[Outcome]:
        if self._stage == "clean":
            return steps.run_clean(works, self._parts.settings.max_body_chars)
        if self._stage == "dedupe":
            return steps.run_dedupe(works, self._parts.fingerprints)
        if self._stage == "tag":
            return steps.run_tag(works)
        return steps.run_index(works, self._parts.index, from_ms(now_ms()))

    def _work(self, claim: Claim) -> list[Outcome]:
        settings, ledger = self._parts.settings, self._parts.ledger
        began = time.monotonic()
        lease = renewed_lease(ledger, claim.token, settings.lease_seconds / 3, settings.task_time_limit)
        try:
            with lease:
                outcomes = self._step(claim.works)
        except (Unavailable, BadSettings) as error:
            get_logger().warning("batch waits", stage=self._stage, reason=str(error))
            outcomes = [Outcome(work.sequence, "deferred", str(error)) for work in claim.works]
        except Exception as error:
            self._blame(claim, error)
            raise
        self._size.learn(len(claim.works), time.monotonic() - began)
        return outcomes

    def _blame(self, claim: Claim, error: Exception) -> None:
        """Give a failed batch back: its members are tried alone, one tried alone keeps its attempt."""
        told = traceback.format_exc()
        self._parts.ledger.release(claim.token, now_ms(), blame=steps.describe(error), traceback=told)
        self._parts.waker.wake(self._stage, claim.lane)

    def _settle(self, claim: Claim, outcomes: list[Outcome]) -> str:
        done = self._commit(claim, outcomes)
        self._wake(claim, done)
        said = ", ".join(f"{count} {word}" for word, count in sorted(done.words.items())) or "came too late"
        if done.words:
            get_logger().info("batch done", stage=self._stage, lane=claim.lane, **done.words)
        else:
            get_logger().warning("batch came too late", stage=self._stage, lane=claim.lane)
        failures = [outcome for outcome in outcomes if outcome.word == "failed"]
        if failures:
            raise StageFailed(f"{said}; first: {failures[0].reason}")
        return said

    def _commit(self, claim: Claim, outcomes: list[Outcome]) -> Committed:
        """Commit, with patience: work that is done should not be done again for a busy moment."""
        parts = self._parts
        for pause in (*COMMIT_PAUSES, None):
            try:
                return parts.ledger.commit(claim, outcomes, NEXT[self._stage], parts.worker, now_ms())
            except Unavailable:
                if pause is None:
                    raise
                time.sleep(pause)
            except Exception as error:
                self._blame(claim, error)
                raise
        raise AssertionError("the last round returned or raised")

    def _wake(self, claim: Claim, done: Committed) -> None:
        ids = [work.submission for work in claim.works]
        for stage, lane in done.wake:
            own = stage == self._stage
            self._parts.waker.wake(stage, lane, () if own else ids, delay=AGAIN_SECONDS if own else 0.0)
        if claim.full:
            self._parts.waker.wake(self._stage, claim.lane, at_once=True)


class Desk:
    """What the tasks of one worker process share; ``parts`` is set after the fork."""

    def __init__(self, make_parts: Callable[[], Parts]) -> None:
        self._make_parts = make_parts
        self._parts: Parts | None = None
        self._runners: dict[Stage, StageRunner] = {}

    def parts(self) -> Parts:
        """The parts of this process."""
        if self._parts is None:
            self._parts = self._make_parts()
        return self._parts

    def runner(self, stage: Stage) -> StageRunner:
        """The runner of a stage in this process."""
        if stage not in self._runners:
            self._runners[stage] = StageRunner(stage, self.parts())
        return self._runners[stage]

    def close(self) -> None:
        """Close the parts, if any were opened."""
        if self._parts is not None:
            self._parts.close()
        self._parts = None
        self._runners = {}


def register_tasks(app: Celery, desk: Desk) -> None:
    """Add the four stage tasks and the sweep to an application."""
    for stage in STAGES:
        _register_stage(app, desk, stage)

    oldest: Oldest = {}

    # Putting back the fingerprints of a full window takes minutes, and to start again each time for ever.
    @app.task(name=SWEEP, shared=False, time_limit=SWEEP_LIMIT)  # type: ignore[untyped-decorator]
    def run_sweep() -> str:
        """Wake what has waited too long."""
        parts = desk.parts()
        return sweep(
            parts.ledger, parts.fingerprints, parts.waker, parts.settings.stuck_seconds, now_ms(),
            oldest=oldest, beat=beat,
        )  # fmt: skip

    task_failure.connect(lambda **seen: _on_death(app, desk, **seen), weak=False)


def _register_stage(app: Celery, desk: Desk, stage: Stage) -> None:
    @app.task(name=task_name(stage), bind=True, shared=False)  # type: ignore[untyped-decorator]
    def run_stage(self: Task, lane: Lane = "live", *_shown: object, **_later: object) -> str:
        """Claim what waits at the stage; the ids that follow are for people who look at Flower."""
        return desk.runner(stage).run(lane, claim_token(self.request.id))


def claim_token(task_id: str) -> str:
    """The token of the claim that a task makes, which its parent process can work out as well."""
    return task_id.replace("-", "")[:32]


def _on_death(
    app: Celery,
    desk: Desk,
    sender: Task,
    task_id: str,
    exception: BaseException,
    **_: Any,  # noqa: ANN401 - whatever else the signal carries
) -> None:
    """Give back what a killed or timed-out child held, and wake its stage; runs in the worker's parent."""
    if not isinstance(exception, TimeLimitExceeded | WorkerLostError):
        return
    # Opened and closed at once: the parent forks again later, and no connection may cross a fork.
    ledger = open_ledger(desk.parts().settings)
    try:
        if ledger.release(claim_token(task_id), now_ms(), blame=steps.describe(exception)):
            app.send_task(sender.name, queue=sender.name, retry=False)
    except (Unavailable, *TROUBLE) as error:
        get_logger().warning("claim not released, or its stage not woken; the sweeper will", error=str(error))
    finally:
        ledger.close()
