"""Limits counted in a real Redis: by all processes together, and by each for itself while it is away."""

from __future__ import annotations

import logging
import signal
import time
from pathlib import Path

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from shared.http import make_app
from shared.keys.web import ask_for_keys
from shared.limits import limit_rate
from shared.settings import Settings
from tests.servers import RunningServer

pytestmark = pytest.mark.servers


def service(folder: Path, url: str, per_minute: int, name: str = "services.search") -> FlaskClient:
    settings = Settings(data_dir=folder, redis_url=url)
    app: Flask = make_app(name, settings, {})
    ask_for_keys(app, None, {"ask": "any"})
    limit_rate(app, settings, per_minute)
    app.add_url_rule("/", "ask", lambda: "yes")
    return app.test_client()


def statuses(client: FlaskClient, times: int) -> list[int]:
    return [client.get("/").status_code for _ in range(times)]


def test_processes_count_together_and_services_apart(own_redis: RunningServer, tmp_path: Path) -> None:
    one, two = (service(tmp_path, own_redis.url, 4) for _ in range(2))
    other = service(tmp_path, own_redis.url, 4, "services.ingest")
    assert statuses(one, 2) + statuses(two, 3) == [200, 200, 200, 200, 429]
    assert statuses(other, 4) == [200] * 4
    with redis.Redis.from_url(own_redis.url) as counted:
        names = counted.keys()
        assert len(names) == 2
        assert all(name.startswith(b"copydesk:limits:") for name in names)
        assert all(0 < counted.ttl(name) <= 60 for name in names)


def test_a_redis_that_dies_turns_nobody_away_and_is_told_of_once(
    own_redis: RunningServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = service(tmp_path, own_redis.url, 10)
    assert statuses(client, 10) == [200] * 10
    own_redis.kill()
    with caplog.at_level(logging.WARNING):
        begun = time.monotonic()
        found = statuses(client, 8)
        assert found == [200] * 8  # counted by the process from here on
        assert time.monotonic() - begun < 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert statuses(client, 3) == [200, 200, 429]


def test_one_that_hangs_holds_a_request_for_a_moment_and_not_each(
    own_redis: RunningServer, tmp_path: Path
) -> None:
    client = service(tmp_path, own_redis.url, 100)
    statuses(client, 1)
    own_redis.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert statuses(client, 50) == [200] * 50
    assert time.monotonic() - begun < 2


def test_when_it_is_back_it_counts_again(tmp_path: Path, own_redis: RunningServer) -> None:
    client = service(tmp_path, own_redis.url, 1_000)
    other = service(tmp_path, own_redis.url, 1_000)
    statuses(client, 1)
    own_redis.process.send_signal(signal.SIGSTOP)
    statuses(client, 1)
    own_redis.process.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        before = int(other.get("/").headers["X-RateLimit-Remaining"])
        client.get("/")
        if int(other.get("/").headers["X-RateLimit-Remaining"]) == before - 2:
            return
        time.sleep(0.1)
    pytest.fail("it went on counting for itself")
