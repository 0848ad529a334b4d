"""What is told of a real Redis' memory, also while it is frozen or dead: a scrape must not wait for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from shared.metrics_limits import LimitsCollector
from shared.settings import Settings
from tests.servers import free_port, start_redis


def told(collector: LimitsCollector) -> dict[str, float]:
    return {family.name.removeprefix("copydesk_"): family.samples[0].value for family in collector.collect()}


@pytest.mark.servers
def test_a_frozen_or_dead_redis_is_told_as_down_within_seconds_and_is_told_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    server = start_redis(tmp_path, free_port(), "--maxmemory", "50mb")
    collector = LimitsCollector(Settings(data_dir=tmp_path, broker_url=server.url))
    found = told(collector)
    assert (found["redis_up"], found["redis_memory_limit_bytes"]) == (1, 50 * 1024 * 1024)
    assert 0 < found["redis_memory_bytes"] < 50 * 1024 * 1024
    os.kill(server.process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert told(collector)["redis_up"] == 0
    assert time.monotonic() - began < 8  # two seconds, on a machine that has time; Prometheus waits ten
    os.kill(server.process.pid, signal.SIGCONT)
    assert told(collector)["redis_up"] == 1
    server.kill()
    assert told(collector)["redis_up"] == 0
