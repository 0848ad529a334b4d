"""The tasks: thin shells around the runners, the sweep and the upkeep, and what follows the death of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Celery, Task
from celery.exceptions import Retry
from celery.signals import task_failure
from celery.worker.request import Request

from services.workers import steps
from services.workers.lanes import ReplaySlot
from services.workers.metrics import Measures
from services.workers.parts import Parts
from services.workers.pulse import beat
from services.workers.runner import REASON_SHOWN, StageRunner, StageWaits
from services.workers.stopping import Ending
from services.workers.sweeper import Sweeper
from services.workers.upkeep import tidy_index
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.ledger.open import open_ledger
from shared.log import get_logger
from shared.messages import LANES, STAGES, SWEEP, TIDY, Lane, Stage, task_name
from shared.metrics_serving import MetricsServer
from shared.queue import EXPIRES_SECONDS, TROUBLE

# Putting back the fingerprints of a full window takes minutes, and to start again each time for ever.
SWEEP_LIMIT = 3_600  # seconds
NAMELESS = "ExceptionWithTraceback()"


class PlainRequest(Request):  # type: ignore[misc]
    """Celery's request, whose event about a killed child says what killed it.

    The pool wraps that error into another one, and Flower shows ``ExceptionWithTraceback()`` (Celery 5.7).
    """

    def on_failure(self, exc_info: ExceptionInfo, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - as in Celery
        """Deal with the failure as Celery does, under the error's own name."""
        if isinstance(exc_info.exception, ExceptionWithTraceback):
            exc_info.exception = exc_info.exception.exc
        return super().on_failure(exc_info, *given, **named)

    def send_event(self, type: str, **fields: Any) -> None:  # noqa: A002, ANN401 - as in Celery
        """Tell Flower; of a task that ran out of time Celery makes the event itself, wrapper and all."""
        if fields.get("exception") == NAMELESS:
            fields["exception"] = str(fields.get("traceback")).strip().rpartition("\n")[2]
        super().send_event(type, **fields)


class Desk:
    """What the tasks of one worker process share; the parts are built after the fork."""

    def __init__(self, make_parts: Callable[[], Parts]) -> None:
        self._make_parts = make_parts
        self._parts: Parts | None = None
        self._runners: dict[Stage, StageRunner] = {}
        self._slot: ReplaySlot | None = None
        self.ending = Ending()
        self.measures: Measures | None = None  # of all children
        self.metrics: MetricsServer | None = None  # the parent's, who tells them

    def share(self) -> None:
        """Make what the children of this worker are to share; before they are forked."""
        self._slot = ReplaySlot()
        self.measures = Measures()

    def parts(self) -> Parts:
        """The parts of this process."""
        if self._parts is None:
            self._parts = self._make_parts()
        return self._parts

    def runner(self, stage: Stage) -> StageRunner:
        """The runner of a stage in this process."""
        if stage not in self._runners:
            made = StageRunner(stage, self.parts(), self._slot, self.ending, self.measures)
            self._runners[stage] = made
        return self._runners[stage]

    def close(self) -> None:
        """Close the parts, if any were opened."""
        if self._parts is not None:
            self._parts.close()
        self._parts = None
        self._runners = {}


def register_tasks(app: Celery, desk: Desk) -> None:
    """Add the four stage tasks, the sweep and the tidying to an application."""
    for stage in STAGES:
        _register_stage(app, desk, stage)
    sweeper = Sweeper()

    # What a newer build may add to a message is let pass: a message is only a wake-up call.
    @app.task(name=SWEEP, shared=False, Request=PlainRequest, time_limit=SWEEP_LIMIT)  # type: ignore[untyped-decorator]
    def run_sweep(*_later: object, **_named: object) -> str:
        """Wake what has waited too long, and do a little of the upkeep."""
        return sweeper.turn(desk.parts(), now_ms(), beat)

    @app.task(name=TIDY, shared=False, Request=PlainRequest)  # type: ignore[untyped-decorator]
    def run_tidy(*_later: object, **_named: object) -> str:
        """Remove old tombstones and retired indices."""
        try:
            return str(tidy_index(desk.parts().index, now_ms()))
        except Unavailable as error:
            get_logger().warning("index not tidied", error=str(error))
            raise put_off("not now", str(error)) from error  # there is always a next time

    task_failure.connect(lambda **seen: _on_death(app, desk, **seen), weak=False)


def _register_stage(app: Celery, desk: Desk, stage: Stage) -> None:
    @app.task(name=task_name(stage), bind=True, shared=False, Request=PlainRequest)  # type: ignore[untyped-decorator]
    def run_stage(self: Task, lane: Lane = "live", *_shown: object, **_later: object) -> str:
        """Claim what waits at the stage; the ids that follow are for people who look at Flower."""
        runner = desk.runner(stage)
        said = runner.run(lane, claim_token(self.request.id))
        if runner.held_up is not None:
            raise put_off(said, runner.held_up)
        return said


def put_off(said: str, reason: str) -> Retry:
    """How a task ends that could not work: as RETRY, which Flower shows with the reason, and not in green.

    No failure either: no article is to blame, and nobody need mend the task. Celery itself sends nothing
    again; whoever raises this has seen to it that there is a next time.
    """
    told = said if reason in said else f"{said}: {reason}"
    return Retry(told, exc=StageWaits(told[:REASON_SHOWN]))


def claim_token(task_id: str) -> str:
    """The token of the claim that a task makes, which its parent process can work out as well."""
    return task_id.replace("-", "")[:32]


def give_back(app: Celery, desk: Desk, task_ids: Sequence[str]) -> None:
    """Release without blame what tasks hold that were killed in mid-work, and wake every stage for it."""
    ledger = open_ledger(desk.parts().settings)
    try:
        released = sum(ledger.release(claim_token(task_id), now_ms()) for task_id in task_ids)
    finally:
        ledger.close()
    if released:
        get_logger().info("work given back, since this worker ends", articles=released)
        for stage in STAGES:
            _send(app, task_name(stage))


def _on_death(
    app: Celery,
    desk: Desk,
    sender: Task,
    task_id: str,
    exception: BaseException,
    **_: Any,  # noqa: ANN401 - whatever else the signal carries
) -> None:
    """Give back what a killed or timed-out child held, and wake its stage; runs in the worker's parent.

    A child that dies while its worker ends died of that, not of an article.
    """
    if not isinstance(exception, TimeLimitExceeded | WorkerLostError):
        return
    ended = bool(desk.ending) and isinstance(exception, WorkerLostError)
    if desk.measures is not None and not ended:
        desk.measures.death(out_of_time=isinstance(exception, TimeLimitExceeded))
    blame = None if ended else steps.describe(exception)
    # Opened and closed at once: the parent forks again later, and no connection may cross a fork.
    ledger = open_ledger(desk.parts().settings)
    try:
        if ledger.release(claim_token(task_id), now_ms(), blame=blame):
            _send(app, sender.name)
    except (Unavailable, *TROUBLE) as error:
        get_logger().warning("claim not released, or its stage not woken; the sweeper will", error=str(error))
    finally:
        ledger.close()


def _send(app: Celery, name: str) -> None:
    for lane in LANES:  # the parent does not know which it was
        app.send_task(name, args=[lane], queue=name, retry=False, expires=EXPIRES_SECONDS)
