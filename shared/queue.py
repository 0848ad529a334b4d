"""The message queue: how every process talks to the broker, and the thread that sends wake-up calls.

A message only says that something waits in the ledger, so a lost one costs time and a doubled one nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis
from amqp.exceptions import AMQPError  # type: ignore[import-untyped]
from celery import Celery
from kombu.exceptions import KombuError, OperationalError

from shared.errors import BadSettings, Unavailable
from shared.log import get_logger
from shared.messages import IDS_SHOWN, MESSAGE_VERSION, SWEEP, TIDY, Lane, Stage, task_name
from shared.settings import Settings

FLAG_MS = 1_000  # how long one wake-up is taken to be outstanding when no task clears its flag
RETRY_SECONDS = 1.0
# While workers are away one a second piles up; the sweeper wakes them when they are back. RabbitMQ drops what
# has expired by itself, on Redis the worker does so as it takes it.
EXPIRES_SECONDS = 60
# The first wake-up of a quiet stage goes at once, later ones this far apart, so that batches form: an empty
# task costs 4 ms, four times an article. At 60 articles/s that took 20 ms of CPU an article without it.
PACE_SECONDS = 0.1
FLAG = "copydesk:wake:{}:{}"
LIVE_MARK = "copydesk:live"
PROBE = "copydesk:doctor"
LISTEN_SECONDS = 2.0  # a worker answers at once, a busy machine not
LIVE_MS = 30_000  # live news this lately makes replay give way
QUEUE_OF = {SWEEP: SWEEP, TIDY: task_name("index")}  # of tasks that are no stage's
TROUBLE = (redis.RedisError, KombuError, OperationalError, AMQPError, OSError)

# Numbers from measurements with Celery 5.7: a frozen Redis must not block for ever, and a kept-alive
# connection is noticed as dead within half a minute.
REDIS_TRANSPORT = {
    "visibility_timeout": 900, "socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True,
    "health_check_interval": 25, "global_keyprefix": "copydesk:",
}  # fmt: skip
# The same for RabbitMQ: a frozen one must hold nobody for longer than this, at a publisher's confirm either.
RABBITMQ_SECONDS = 5
RABBITMQ_TRANSPORT = {
    "confirm_publish": True, "read_timeout": RABBITMQ_SECONDS, "write_timeout": RABBITMQ_SECONDS,
}  # fmt: skip
CONNECT_SECONDS = 3  # for RabbitMQ's handshake; Redis has its own above
HEARTBEAT_SECONDS = 10  # a worker notices a frozen RabbitMQ, and that a frozen worker, after two of them


def on_rabbitmq(settings: Settings) -> bool:
    """Whether the broker is RabbitMQ; flags and fingerprints lie in Redis all the same."""
    return urlsplit(settings.broker_url).scheme.startswith("amqp")


def make_celery(settings: Settings) -> Celery:
    """A Celery application on the settings' broker; nothing connects yet."""
    _check(settings)
    app = Celery("copydesk", broker=settings.broker_url, set_as_current=False)
    on_rabbit = on_rabbitmq(settings)
    # Every process declares the queues it meets, and RabbitMQ refuses another type than the first one's.
    queue_type = "quorum" if on_rabbit else "classic"
    app.conf.update(
        broker_transport_options=RABBITMQ_TRANSPORT if on_rabbit else REDIS_TRANSPORT,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_heartbeat=HEARTBEAT_SECONDS,
        broker_connection_retry_on_startup=True,
        # It fills only as needed. Flower asks with ten threads that hold two connections each: with a low
        # limit they wait for each other for ever (seen with Flower 2.2 at a limit of 4).
        broker_pool_limit=100,
        task_default_queue_type=queue_type,
        task_create_missing_queue_type=queue_type,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0.05},
    )
    return app


def make_redis(settings: Settings) -> redis.Redis:
    """A client of the Redis that holds flags and fingerprints; nothing connects yet."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=2, socket_connect_timeout=2, health_check_interval=25
    )


@dataclass(frozen=True, slots=True)
class RedisState:
    """What a Redis says of itself: what it lets go when full, its memory (bytes; 0: no limit), its clock."""

    policy: str
    used: int
    limit: int
    now: int  # milliseconds since the epoch


def probe_redis(settings: Settings) -> RedisState:
    """Write to Redis and look at it; raises ``Unavailable``, also when it is full or refuses the password."""
    client = make_redis(settings)
    try:
        client.set(PROBE, 1, px=FLAG_MS)
        memory: dict[str, Any] = client.info("memory")
        seconds, micros = client.time()
    except redis.RedisError as error:
        raise Unavailable(f"redis: {error}") from error
    finally:
        client.close()
    limit = int(memory.get("maxmemory", 0))
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    return RedisState(policy, int(memory["used_memory"]), limit, int(seconds) * 1000 + int(micros) // 1000)


def listeners(settings: Settings) -> dict[str, int]:
    """How many workers take from each queue, by its name; asks them all, and waits ``LISTEN_SECONDS``.

    Raises ``Unavailable`` when the broker cannot be asked.
    """
    celery = make_celery(settings)
    try:
        answers = celery.control.inspect(timeout=LISTEN_SECONDS).active_queues() or {}
    except TROUBLE as error:
        raise Unavailable(f"broker: {error}") from error
    finally:
        celery.close()
    return Counter(queue["name"] for queues in answers.values() for queue in queues)


def _check(settings: Settings) -> None:
    if not settings.broker_url:
        raise BadSettings("COPYDESK_BROKER_URL is not set; `copydesk up` sets it for what it starts")
    if not settings.redis_url:
        raise BadSettings("COPYDESK_REDIS_URL is needed beside a RabbitMQ broker")


class Waker:
    """Sends wake-up calls from a thread of its own, so that a frozen broker never holds a request.

    A call is sent only when none is outstanding for its stage and lane: a flag in Redis says so, which the
    task clears as it starts. What cannot be sent is tried again every second.
    """

    def __init__(self, settings: Settings) -> None:
        self._celery = make_celery(settings)
        self._on_rabbitmq = on_rabbitmq(settings)
        self._flags = make_redis(settings)
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._pending: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
        self._sent: dict[tuple[str, str], float] = {}
        self._thread: threading.Thread | None = None
        self._closing = False
        self._troubled = False

    def wake(
        self,
        stage: Stage,
        lane: Lane = "live",
        ids: Sequence[str] = (),
        *,
        delay: float = 0.0,
        at_once: bool = False,
    ) -> None:
        """Ask for a wake-up of a stage, ``delay`` seconds from now; returns at once and never raises.

        ``at_once`` is for a stage that is known to have a backlog: the pace of wake-ups does not hold it.
        """
        pause = 0.0 if at_once else self._pause(stage, lane)
        self._ask(stage, lane, tuple(ids[:IDS_SHOWN]), max(delay, pause))

    def sweep(self) -> None:
        """Ask the sweeper to come before its next turn."""
        self._ask(SWEEP, "", (), 0.0)

    def tidy(self) -> None:
        """Ask an index worker to tidy up the index."""
        self._ask(TIDY, "", (), 0.0)

    def started(self, stage: Stage, lane: Lane) -> None:
        """Clear the flag of a stage: its task has started, the next wake-up must be sent."""
        try:
            with self._flags.pipeline(transaction=False) as steps:
                steps.delete(FLAG.format(stage, lane))
                if lane == "live":
                    steps.set(LIVE_MARK, 1, px=LIVE_MS)
                steps.execute()
        except redis.RedisError:
            get_logger().warning("wake flag not cleared", stage=stage, lane=lane)

    def live_lately(self) -> bool:
        """Whether a live task started anywhere within the last half minute; if in doubt, yes."""
        try:
            return bool(self._flags.exists(LIVE_MARK))
        except redis.RedisError:
            return True

    def check(self) -> None:
        """Return when the broker answers, and Redis where that is another; raises ``Unavailable``."""
        try:
            self._flags.ping()
        except TROUBLE as error:
            raise Unavailable(f"{'redis' if self._on_rabbitmq else 'broker'}: {error}") from error
        try:
            with self._celery.connection_for_write() as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
        except TROUBLE as error:
            raise Unavailable(f"broker: {error}") from error

    def close(self) -> None:
        """Send what is waiting, due or not, then stop the thread."""
        self._closing = True
        self._event.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        self._flags.close()
        self._celery.close()

    def _pause(self, stage: str, lane: str) -> float:
        return self._sent.get((stage, lane), -PACE_SECONDS) + PACE_SECONDS - time.monotonic()

    def _ask(self, stage: str, lane: str, ids: tuple[str, ...], delay: float) -> None:
        due = time.monotonic() + max(0.0, delay)
        with self._lock:
            old_due, old_ids = self._pending.get((stage, lane), (due, ()))
            self._pending[(stage, lane)] = (min(due, old_due), (old_ids + ids)[:IDS_SHOWN])
            if self._thread is None or not self._thread.is_alive():
                self._start()
        self._event.set()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._event.clear()
            closing = self._closing
            for (stage, lane), ids in self._take(everything=closing):
                self._deliver(stage, lane, ids)
            if closing:
                return
            self._event.wait(self._seconds_to_next())

    def _take(self, *, everything: bool) -> list[tuple[tuple[str, str], tuple[str, ...]]]:
        now = time.monotonic()
        with self._lock:
            due = [(key, ids) for key, (when, ids) in self._pending.items() if everything or when <= now]
            for key, _ in due:
                del self._pending[key]
        return due

    def _seconds_to_next(self) -> float | None:
        with self._lock:
            return min((max(0.0, due - time.monotonic()) for due, _ in self._pending.values()), default=None)

    def _deliver(self, stage: str, lane: str, ids: tuple[str, ...]) -> None:
        try:
            if self._flags.set(FLAG.format(stage, lane), 1, nx=True, px=FLAG_MS):
                self._send_flagged(stage, lane, ids)
                self._sent[(stage, lane)] = time.monotonic()
            self._tell(trouble=False)
        except Exception as error:  # noqa: BLE001 - the thread's edge: whatever it is, the next call must go out
            self._tell(trouble=True, error=str(error))
            if not self._closing:
                self._ask(stage, lane, ids, RETRY_SECONDS)

    def _send_flagged(self, stage: str, lane: str, ids: tuple[str, ...]) -> None:
        try:
            self._send(stage, lane, ids)
        except Exception:
            with suppress(redis.RedisError):  # nothing is outstanding, so nobody's next call may count on it
                self._flags.delete(FLAG.format(stage, lane))
            raise

    def _send(self, stage: str, lane: str, ids: tuple[str, ...]) -> None:
        args: list[Any] = [lane, list(ids)] if lane else []
        name = stage if stage in QUEUE_OF else f"copydesk.{stage}"
        queue = QUEUE_OF.get(stage, name)
        headers = {"copydesk_message": MESSAGE_VERSION}
        self._celery.send_task(name, args=args, queue=queue, headers=headers, expires=EXPIRES_SECONDS)

    def _tell(self, *, trouble: bool, error: str = "") -> None:
        if trouble and not self._troubled:
            get_logger().warning("broker away, wake-ups wait", error=error)
        elif self._troubled and not trouble:
            get_logger().info("broker back")
        self._troubled = trouble
