"""The Celery application: ``celery -A services.workers.app worker``. Nothing connects at import."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery import Celery, signals
from celery.worker import consumer, state

from services.workers import pulse
from services.workers.parts import Parts, read_tagger
from services.workers.stages.clean.start import warm_up
from services.workers.stopping import Stop, kill_children
from services.workers.tasks import Desk, give_back, register_tasks
from shared.errors import BadSettings, Unavailable
from shared.ledger.users import hold_ledger
from shared.log import configure_logging, get_logger
from shared.messages import SWEEP, task_name
from shared.metrics_serving import MetricsServer
from shared.queue import EXPIRES_SECONDS, make_celery
from shared.settings import Settings, read_settings

MEMORY_KB = 400_000  # a child above this is replaced after its task
NAMES_KB = 800_000  # what spaCy's pipelines take beside (en_core_web_sm: 550 MB in all)
NOTICE_SECONDS = 1.0  # between looks for children that died


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's consumer without the 28 queues it makes on RabbitMQ for countdowns, which are not used.

    On a lost connection it puts no message back: none is needed, and to try ended the whole worker.
    """

    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc]
        """Its steps."""

        default_steps = tuple(
            step for step in consumer.Consumer.Blueprint.default_steps if "delayed_delivery" not in str(step)
        )

    def on_connection_error_after_connected(self, error: Exception) -> None:
        """Let go of the broken connection; Celery then connects anew."""
        # kombu wants to put back what was not acknowledged over the connection it has just closed, and dies
        # of "'NoneType' object has no attribute 'hostname'" (kombu 5.7; RabbitMQ keeps no such list).
        for channel in getattr(self.connection.transport, "channels", None) or ():
            channel.do_restore = False
        super().on_connection_error_after_connected(error)


def create_worker_app(settings: Settings) -> Celery:
    """The application with its tasks, schedule and worker settings."""
    app = make_celery(settings)
    desk = Desk(lambda: Parts(settings))
    app.conf.update(
        task_time_limit=settings.task_time_limit,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1_000,
        worker_max_memory_per_child=MEMORY_KB + (NAMES_KB if settings.entity_model else 0),
        worker_send_task_events=True,
        worker_hijack_root_logger=False,
        # It cancels tasks that are acknowledged late, and ours are not; without it, every loss of the
        # connection prints a paragraph about it.
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_consumer=Consumer,
        beat_schedule={
            SWEEP: {
                "task": SWEEP,
                "schedule": settings.sweep_seconds,
                # So that they do not pile up while no sweeper takes them.
                "options": {"queue": SWEEP, "expires": EXPIRES_SECONDS},
            }
        },
    )
    register_tasks(app, desk)
    _connect_signals(app, settings, desk)
    return app


def _connect_signals(app: Celery, settings: Settings, desk: Desk) -> None:
    stop = Stop(
        settings.grace_seconds, lambda: list(state.requests), lambda tasks: give_back(app, desk, tasks)
    )

    def log(**_: Any) -> None:  # noqa: ANN401 - whatever the signal carries
        configure_logging(settings)

    def starting(sender: Any, **_: Any) -> None:  # noqa: ANN401
        if not {task_name("clean"), task_name("tag")}.isdisjoint(sender.app.amqp.queues.consume_from):
            _read_rules(settings)  # in the parent, so that its children share what was read and compiled
        _hold_ledger(settings, str(sender.hostname).partition("@")[0])
        desk.share()
        stop.watch()

    def forked(**_: Any) -> None:  # noqa: ANN401
        desk.close()  # whatever the parent had is not ours
        if desk.metrics is not None:
            desk.metrics.close()  # else we held its port where the system lets us outlive it
        if desk.measures is not None:
            desk.measures.begin()

    def ready(sender: Any, **_: Any) -> None:  # noqa: ANN401
        # Celery hears of a child's end some milliseconds before the system says that it is dead, finds it
        # alive, and looks again after 5 s only (seen with Celery 5.7).
        sender.timer.call_repeatedly(NOTICE_SECONDS, sender.pool.maintain_pool)
        _start_pulse(sender, settings)
        _serve_metrics(sender, settings, desk)

    def asked(**_: Any) -> None:  # noqa: ANN401
        desk.ending.begin()  # in the signal handler: no locks, nothing slow
        stop.ask()

    def stopping(**_: Any) -> None:  # noqa: ANN401
        desk.close()

    signals.setup_logging.connect(log, weak=False)
    signals.worker_init.connect(starting, weak=False)
    signals.worker_process_init.connect(forked, weak=False)
    signals.worker_process_shutdown.connect(stopping, weak=False)
    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(asked, weak=False)


def _read_rules(settings: Settings) -> None:
    """Read what cleaning and tagging go by; whatever is wrong with it ends the worker's start."""
    try:
        warm_up()
        read_tagger(settings)
    except BadSettings as error:
        raise SystemExit(f"copydesk: {error}") from error
    except Exception as error:  # Celery would log it, and go on without rules, to the harm of every article
        raise SystemExit(f"copydesk: the rules cannot be read: {type(error).__name__}: {error}") from error


def _hold_ledger(settings: Settings, name: str) -> None:
    """Be known as one who uses the ledger, children and all; no worker starts while a backup is put back."""
    try:
        hold_ledger(settings, name)
    except Unavailable as error:
        raise SystemExit(f"copydesk: {error}") from error


def _serve_metrics(worker: Any, settings: Settings, desk: Desk) -> None:  # noqa: ANN401 - Celery's own type
    """Tell Prometheus what the children count, where that is asked for; a taken port stops no work."""
    measures = desk.measures
    if not settings.metrics_port or measures is None:
        return
    name, queues = str(worker.hostname), sorted(worker.app.amqp.queues.consume_from)
    try:
        desk.metrics = MetricsServer(
            settings.bind, settings.metrics_port, lambda: measures.tell(name, queues)
        )
    except OSError as error:
        get_logger().error("metrics not served", port=settings.metrics_port, error=str(error))
        return
    desk.metrics.start()
    get_logger().info("metrics served", port=desk.metrics.port)


def _start_pulse(worker: Any, settings: Settings) -> None:  # noqa: ANN401 - Celery's own type
    """Begin to beat, and to watch the beat, where a heartbeat file is asked for."""
    path = pulse.heartbeat()
    if path is None:
        return
    pulse.beat()
    sweeps = SWEEP in worker.app.amqp.queues.consume_from
    if not sweeps:
        # The timer lives in the worker's event loop: a loop that hangs stops beating. A sweeper's loop
        # may turn for ever without its clock process, so there each sweep beats instead.
        worker.timer.call_repeatedly(pulse.BEAT_SECONDS, _make_beat(settings))
    pulse.watch(path, pulse.LAST_RESORT * pulse.silent_limit(settings, sweeps=sweeps), _end_worker)


def _make_beat(settings: Settings) -> Callable[[], None]:
    reception = pulse.Reception(settings.task_time_limit)

    def beat() -> None:
        if not reception.is_stuck(state.reserved_requests, time.monotonic()):
            pulse.beat()

    return beat


def _end_worker(silence: float) -> None:
    """End this process at once, its children first; nothing here may wait for a lock, or for a reader."""
    kill_children()
    with suppress(OSError):
        os.set_blocking(2, False)
        os.write(2, b"copydesk: this worker got nothing done for %d s; ending it\n" % silence)
    os._exit(1)


app = create_worker_app(read_settings())
