"""`copydesk up` with a RabbitMQ and a Redis that are given: the same system, told of in the right words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.running import System, article, until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]


def test_up_runs_on_a_given_rabbitmq(tmp_path: Path, rabbitmq_url: str, redis_url: str) -> None:
    system = System(tmp_path, broker_url=rabbitmq_url, redis_url=redis_url)
    try:
        assert not any("valkey" in line for line in system.lines)
        pushed = system.push(**article(1, "harbour quay"))
        system.await_status(pushed, "indexed")
        ready = system.http.get(system.url("ingest", "/readyz"))
        assert ready.status_code == 200, ready.text
        told = system.cli("doctor").stdout
        assert "answers" in next(line for line in told.splitlines() if " broker " in line), told
        until(lambda: _workers(system), "the workers in Flower")
        code, seconds = system.stop()
        assert code == 0
        assert seconds < 11
        assert not any("Traceback" in line for line in system.lines), "\n".join(system.lines)
    finally:
        system.close()


def _workers(system: Any) -> bool:
    answer = system.http.get(system.url("flower", "/api/workers"), params={"refresh": 1})
    names = {name.split("@")[0] for name in answer.json()} if answer.status_code == 200 else set()
    return names == {"worker", "index-worker", "sweeper"}
