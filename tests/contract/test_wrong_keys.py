"""Wrong keys counted in a real Redis: by all processes together, and by each for itself while it is away."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import redis
from structlog.testing import capture_logs

from shared.keys import failures as module
from shared.keys.failures import Failures
from shared.settings import Settings
from tests.servers import RunningServer

pytestmark = pytest.mark.servers
HERE = "192.0.2.1"


def counting(folder: Path, url: str, wrong: int) -> Failures:
    return Failures(Settings(data_dir=folder, redis_url=url, wrong_keys_per_minute=wrong))


def counted(failures: Failures, times: int) -> list[bool]:
    return [failures.count(HERE) > 0 for _ in range(times)]


def test_processes_count_together(own_redis: RunningServer, tmp_path: Path) -> None:
    one, two = (counting(tmp_path, own_redis.url, 4) for _ in range(2))
    assert counted(one, 2) + counted(two, 2) == [False] * 4
    assert (one.seconds_left(HERE), one.seconds_left("192.0.2.2")) == (0, 0)
    assert 0 < two.seconds_left(HERE) <= 61  # it saw the last one that was allowed
    assert counted(one, 1) == [True]
    assert 0 < one.seconds_left(HERE) <= 61
    with redis.Redis.from_url(own_redis.url) as kept:
        [name] = kept.keys()
        assert name.startswith(b"copydesk:limits:")  # what compose lets a service write
        assert 0 < kept.ttl(name) <= 60


def test_a_redis_that_dies_or_hangs_holds_nobody_up_and_each_counts_for_itself(
    own_redis: RunningServer, tmp_path: Path
) -> None:
    for signal_number in (signal.SIGSTOP, signal.SIGKILL):
        failures = counting(tmp_path, own_redis.url, 10)
        own_redis.process.send_signal(signal_number)
        with capture_logs() as told:
            begun = time.monotonic()
            assert counted(failures, 12) == [False] * 10 + [True] * 2
            assert time.monotonic() - begun < 3
        assert [one["log_level"] for one in told] == ["warning"]


def test_when_it_is_back_it_counts_again(
    own_redis: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0.1)
    failures = counting(tmp_path, own_redis.url, 1_000)
    own_redis.process.send_signal(signal.SIGSTOP)
    failures.count(HERE)
    own_redis.process.send_signal(signal.SIGCONT)
    with redis.Redis.from_url(own_redis.url) as kept:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            failures.count("192.0.2.2")
            if any(b"192.0.2.2" in name for name in kept.scan_iter()):
                return
            time.sleep(0.1)
    pytest.fail("it went on counting for itself")
