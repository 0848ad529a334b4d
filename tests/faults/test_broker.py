"""F5, F6, F10, F11, F12: the broker dies, forgets, freezes, fills up; the ledger does not care.

What RabbitMQ does when it is killed or frozen is tested with the workers, in ``tests/integration/workers``.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from shared.queue import FLAG_MS
from tests.faults.articles import make_item
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
UNACKNOWLEDGED = "copydesk:unacked"  # kombu's hash of them
SOON = 1.0  # seconds within which a 202 comes whatever the broker does


@pytest.fixture(scope="module")
def newsroom(make_newsroom: Any) -> Iterator[Newsroom]:
    """A newsroom whose parts are started again when they end, as everywhere else."""
    # No task runs into its limit while a test holds it.
    made: Newsroom = make_newsroom(task_time_limit=60.0)
    made.start("ingest", "worker-0", "index-worker", "sweeper")
    with made.kept_up("ingest", "worker-0", "index-worker", "sweeper"):
        yield made


def push_quickly(newsroom: Newsroom, number: int) -> str:
    """Push one article; returns its id when the answer came soon enough."""
    began = time.monotonic()
    (article_id,) = newsroom.push(make_item(str(number)))
    took = time.monotonic() - began
    assert took < SOON, f"the answer took {took:.2f} s"
    return article_id


def test_f05_a_broker_killed_and_started_empty_under_load_loses_nothing(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    load = newsroom.load(witness, rate=8, seed=5, first=10_000)
    for _ in range(2):
        until(lambda: newsroom.held() > 0, "work")
        newsroom.ground.kill("redis", empty=True)
        time.sleep(0.5)
        newsroom.ground.start("redis")
        time.sleep(1)
    load.stop()
    sound(newsroom, witness)


def test_f06_what_redis_forgets_in_the_middle_of_a_run_is_woken_again(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    load = newsroom.load(witness, rate=8, seed=6, first=20_000)
    with redis.Redis.from_url(newsroom.settings.redis_url) as client:
        for _ in range(5):
            until(lambda: newsroom.held() > 0, "work")
            client.flushall()
            time.sleep(0.4)
    load.stop()
    sound(newsroom, witness)


def fill_up(newsroom: Newsroom, client: redis.Redis) -> None:
    """Push until the worker holds a call that no child has taken."""
    numbers, end = itertools.count(300), time.monotonic() + 60
    while client.hlen(UNACKNOWLEDGED) == 0:
        assert time.monotonic() < end, "the worker took nothing beyond its children's hands"
        newsroom.push(make_item(str(next(numbers))))
        time.sleep(1.5 * FLAG_MS / 1_000)


def test_f05_a_worker_with_an_unacknowledged_call_outlives_its_broker(newsroom: Newsroom, sound: Any) -> None:
    """What a busy worker has fetched beyond its children's hands goes with the connection, not the worker.

    It has fetched one such call and asks Redis for another when Redis dies.
    """
    worker = newsroom["worker-0"]
    starts, losses = worker.starts, worker.said().count("Connection to broker lost")
    newsroom["sweeper"].signal_all(signal.SIGSTOP)  # its calls would fill the worker up
    try:
        with newsroom.holding("clean"), redis.Redis.from_url(newsroom.settings.redis_url) as client:
            fill_up(newsroom, client)
            newsroom.ground.kill("redis", empty=True)
            until(lambda: worker.said().count("Connection to broker lost") > losses, "the worker to notice")
            newsroom.ground.start("redis")
    finally:
        newsroom["sweeper"].signal_all(signal.SIGCONT)
    sound(newsroom)
    assert worker.starts == starts, worker.said()[-3000:]


def test_f10_a_push_while_the_broker_is_down_is_accepted_and_published_later(
    newsroom: Newsroom, sound: Any
) -> None:
    newsroom.ground.kill("redis")
    article_id = push_quickly(newsroom, 1)
    assert newsroom.word(article_id) == "accepted"
    newsroom.ground.start("redis")
    newsroom.await_word(article_id, "indexed", 60)
    sound(newsroom)


def test_f11_a_frozen_broker_never_holds_an_answer(newsroom: Newsroom, sound: Any) -> None:
    newsroom.ground.freeze("redis")
    try:
        ids = [push_quickly(newsroom, number) for number in range(100, 105)]
    finally:
        newsroom.ground.thaw("redis")
    for article_id in ids:
        newsroom.await_word(article_id, "indexed", 60)
    sound(newsroom)


def test_f12_a_full_redis_is_told_of_and_recovered_from(newsroom: Newsroom, sound: Any) -> None:
    said = newsroom["ingest"].said().count("broker away")
    with redis.Redis.from_url(newsroom.settings.redis_url) as client:
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("probe", "x")
        article_id = push_quickly(newsroom, 200)
        until(lambda: newsroom["ingest"].said().count("broker away") > said, "the alarm", 20)
        assert newsroom.word(article_id) == "accepted"
        client.config_set("maxmemory", "0")
    newsroom.await_word(article_id, "indexed", 60)
    sound(newsroom)


def test_f10_ready_says_that_the_broker_is_away_and_stays_ready(newsroom: Newsroom) -> None:
    newsroom.ground.kill("redis")
    try:
        answer: httpx.Response = newsroom.http.get(newsroom.url("ingest", "/readyz"))
        assert answer.status_code == 200, answer.text
        assert "broker" in answer.text
        assert answer.json() != {"status": "ok"}
    finally:
        newsroom.ground.start("redis")
