"""The waker against a real broker: coalesced, never in the way, and patient when the broker is gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shared.errors import BadSettings, Unavailable
from shared.queue import PACE_SECONDS, Waker, make_celery
from shared.settings import Settings
from tests.servers import RunningServer, free_port, start_redis

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
CLEAN = "copydesk:copydesk.clean"


def wait_until(met: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    running = start_redis(tmp_path, free_port())
    yield running
    running.stop()


@pytest.fixture
def waker(server: RunningServer) -> Iterator[Waker]:
    made = Waker(Settings(broker_url=server.url))
    yield made
    made.close()


def queued(server: RunningServer, queue: str = CLEAN) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.llen(queue))


def test_many_wake_ups_at_once_make_one_message(waker: Waker, server: RunningServer) -> None:
    for number in range(200):
        waker.wake("clean", ids=[f"id-{number}"])
    wait_until(lambda: queued(server) > 0)
    time.sleep(0.2)
    assert queued(server) == 1


def test_after_the_task_has_started_the_next_wake_up_is_sent(waker: Waker, server: RunningServer) -> None:
    waker.wake("clean")
    wait_until(lambda: queued(server) == 1)
    waker.started("clean", "live")
    waker.wake("clean")
    wait_until(lambda: queued(server) == 2)


def test_lanes_and_stages_have_flags_of_their_own(waker: Waker, server: RunningServer) -> None:
    waker.wake("clean", "live")
    waker.wake("clean", "replay")
    waker.wake("tag", "live")
    wait_until(lambda: queued(server) == 2 and queued(server, "copydesk:copydesk.tag") == 1)


def test_a_delayed_wake_up_comes_later(waker: Waker, server: RunningServer) -> None:
    began = time.monotonic()
    waker.wake("clean", delay=0.4)
    wait_until(lambda: queued(server) == 1)
    assert time.monotonic() - began >= 0.4


def test_a_frozen_broker_holds_nobody(waker: Waker, server: RunningServer) -> None:
    waker.wake("tag")
    wait_until(lambda: queued(server, "copydesk:copydesk.tag") == 1)
    os.kill(server.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    for _ in range(100):
        waker.wake("clean")
    assert time.monotonic() - began < 1  # every time-out is longer
    os.kill(server.process.pid, signal.SIGCONT)
    wait_until(lambda: queued(server) >= 1)


def test_what_could_not_be_sent_is_sent_when_the_broker_is_back(tmp_path: Path) -> None:
    port = free_port()
    waker = Waker(Settings(broker_url=f"redis://127.0.0.1:{port}/0"))
    waker.wake("clean")
    with pytest.raises(Unavailable, match="broker"):
        waker.check()
    server = start_redis(tmp_path, port)
    wait_until(lambda: queued(server) == 1)
    waker.check()
    waker.close()
    server.stop()


def test_settings_without_a_broker_say_which_variable_is_missing() -> None:
    with pytest.raises(BadSettings, match="COPYDESK_BROKER_URL"):
        make_celery(Settings())
    with pytest.raises(BadSettings, match="COPYDESK_REDIS_URL"):
        make_celery(Settings(broker_url="amqp://127.0.0.1"))


def test_wake_ups_of_a_busy_stage_keep_their_pace(waker: Waker, server: RunningServer) -> None:
    waker.wake("clean")
    wait_until(lambda: queued(server) == 1)
    waker.started("clean", "live")
    began = time.monotonic()
    waker.wake("clean")
    wait_until(lambda: queued(server) == 2)
    assert time.monotonic() - began >= PACE_SECONDS / 2


def test_a_call_that_could_not_be_sent_leaves_no_flag_that_others_would_count_on(redis_url: str) -> None:
    waker = Waker(Settings(broker_url=f"amqp://127.0.0.1:{free_port()}//", redis_url=redis_url))
    waker.wake("clean")
    wait_until(lambda: waker._troubled)
    with redis.Redis.from_url(redis_url) as client:
        assert client.exists("copydesk:wake:clean:live") == 0
    waker.close()
