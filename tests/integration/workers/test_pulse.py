"""Workers that hang in ways that no time limit of a task reaches, and nobody there to watch over them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.queue import make_celery
from tests.processes import is_gone

from .conftest import make_raw, wait_until

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes in /proc"),
]
HASTY = "tests.integration.workers.hasty_app"


def has_open(pid: int, path: Path) -> bool:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink() == path:
                return True
        except OSError:
            continue
    return False


def is_idle(newsroom: Any) -> bool:
    """Whether the worker's own process, not only the ledger, knows that nothing is being worked on."""
    with make_celery(newsroom.settings) as app:
        running = app.control.inspect(timeout=2).active()
    return running is not None and not any(running.values())


def test_a_worker_whose_only_child_is_frozen_ends_itself_with_its_child(newsroom: Any) -> None:
    number = newsroom.start_worker("clean", app=HASTY, more=("-c", "1"))
    first = make_raw(1)
    newsroom.accept(first)
    wait_until(lambda: newsroom.status(first) == "cleaned", "the worker")
    wait_until(lambda: is_idle(newsroom), "the end of the task")  # in its midst a time limit ends the freeze
    (child,) = newsroom.children(number)
    os.kill(child, signal.SIGSTOP)
    second = make_raw(2)
    newsroom.accept(second)
    assert newsroom.workers[number].wait(timeout=90) == 1, newsroom.logs()
    wait_until(lambda: is_gone(child), "the end of the frozen child", 20)
    assert "this worker got nothing done for 6 s; ending it" in newsroom.logs()
    newsroom.start_worker("clean", more=("-c", "1"))
    newsroom.waker.wake("clean")
    wait_until(lambda: newsroom.status(second) == "cleaned", "the next worker")


def test_an_idle_worker_goes_on_beating_also_when_its_broker_cut_the_connection(newsroom: Any) -> None:
    number = newsroom.start_worker("clean", app=HASTY, more=("-c", "1"))
    beat = newsroom.heartbeat(number)
    wait_until(beat.exists, "the worker")
    with redis.Redis.from_url(newsroom.settings.broker_url) as client:
        assert client.client_kill_filter(_type="normal", skipme=True) > 0
    wait_until(lambda: "onnection to broker lost" in newsroom.logs(), "the loss")
    lost = beat.stat().st_mtime
    wait_until(lambda: beat.stat().st_mtime > lost + 7, "beats after the loss")
    assert newsroom.workers[number].poll() is None, newsroom.logs()
    assert "DeprecationWarning" not in newsroom.logs()


def test_a_sweeper_whose_clock_was_killed_ends_itself_since_it_sweeps_no_more(newsroom: Any) -> None:
    schedule = newsroom.settings.data_dir / "beat"
    number = newsroom.start_worker("sweep", app=HASTY, more=("-c", "1", "-B", "-s", str(schedule)))
    wait_until(newsroom.heartbeat(number).exists, "the sweeper")
    began = newsroom.heartbeat(number).stat().st_mtime
    wait_until(lambda: newsroom.heartbeat(number).stat().st_mtime > began + 2, "some sweeps")
    ledger = newsroom.settings.data_dir / "ledger.sqlite"
    pool = [pid for pid in newsroom.children(number) if has_open(pid, ledger)]
    (clock,) = set(newsroom.children(number)) - set(pool)
    os.kill(clock, signal.SIGKILL)
    assert newsroom.workers[number].wait(timeout=90) == 1, newsroom.logs()
    wait_until(lambda: all(map(is_gone, pool)), "the end of its child", 20)
