"""What a stage needs is away: work waits calmly, that is told once, blames nobody, and goes on by itself."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import redis

from shared import queue
from shared.clock import now_ms
from shared.index.open import open_index
from shared.settings import Settings
from tests.rabbitmq import queue_length

from .conftest import make_raw, on_both_brokers, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]


def told(newsroom: Any, event: str) -> list[dict[str, Any]]:
    """The log lines of one event."""
    lines = [line for line in newsroom.logs().splitlines() if line.startswith("{") and line.endswith("}")]
    return [found for found in map(json.loads, lines) if found["event"] == event]


def attempts(newsroom: Any, raws: Any) -> set[int]:
    return {newsroom.ledger.status(raw.id).attempts for raw in raws}


def test_a_missing_index_stops_its_stage_alarms_once_and_convicts_nobody(newsroom: Any) -> None:
    place = newsroom.settings.index_dir
    away = place.rename(place.with_name("index-away"))
    newsroom.start_small()
    raws = [make_raw(number) for number in range(20)]
    newsroom.accept(*raws)
    wait_until(lambda: newsroom.ledger.counts() == {"tagged": 20}, "the stages before")
    wait_until(lambda: told(newsroom, "stage stands"), "the alarm")
    woken = newsroom.ledger.tallies().get("woken", 0)
    wait_until(lambda: newsroom.ledger.tallies().get("woken", 0) >= woken + 5, "some sweeps")
    assert newsroom.ledger.counts() == {"tagged": 20}
    assert attempts(newsroom, raws) == {0}
    assert [(line["level"], line["stage"]) for line in told(newsroom, "stage stands")] == [("error", "index")]
    away.rename(place)
    assert newsroom.wait_for_all() == {"indexed": 20}, newsroom.logs()
    assert attempts(newsroom, raws) == {0}
    assert len(told(newsroom, "stage stands")) == len(told(newsroom, "stage goes on")) == 1
    assert "Traceback" not in newsroom.logs()
    with closing(open_index(newsroom.settings)) as index:
        assert index.count() == 20


def test_a_ledger_that_takes_no_writes_makes_its_worker_wait_and_convicts_nobody(newsroom: Any) -> None:
    raws = [make_raw(number) for number in range(20)]
    newsroom.accept(*raws)
    path = newsroom.settings.ledger_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        newsroom.start_worker("clean", more=("-c", "1"))
        newsroom.waker.wake("clean")
        wait_until(lambda: told(newsroom, "stage waits"), "the warning")
        lock.execute("ROLLBACK")
    wait_until(lambda: newsroom.ledger.counts() == {"cleaned": 20}, "the end of the outage")
    assert [line["level"] for line in told(newsroom, "stage waits")] == ["warning"]
    wait_until(lambda: len(told(newsroom, "stage goes on")) == 1, "word of it", 5)
    assert attempts(newsroom, raws) == {0}
    assert "Traceback" not in newsroom.logs()


@on_both_brokers
def test_what_was_accepted_while_nobody_worked_is_taken_up_though_its_message_is_gone(
    newsroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = Settings()
    newsroom.settings = replace(
        newsroom.settings, sweep_seconds=default.sweep_seconds, stuck_seconds=default.stuck_seconds
    )
    monkeypatch.setattr(queue, "EXPIRES_SECONDS", 1)
    raw = make_raw(1)
    newsroom.accept(raw)
    wait_until(lambda: messages(newsroom) == 1, "the message")
    if newsroom.settings.broker_url == newsroom.settings.redis_url:
        sent = now_ms()  # on Redis it lies there until a worker comes, who drops it
        wait_until(lambda: now_ms() > sent + 1_500, "its expiry")
    else:
        wait_until(lambda: messages(newsroom) == 0, "its expiry")
    newsroom.start_small()
    wait_until(lambda: newsroom.status(raw) == "indexed", "the sweeper", 90)
    assert newsroom.ledger.tallies()["woken"] >= 1  # it was nothing else
    assert [step.word for step in newsroom.ledger.journey(raw.id)] == [
        "accepted", "cleaned", "deduped", "tagged", "indexed",
    ]  # fmt: skip


def messages(newsroom: Any) -> int:
    if newsroom.settings.broker_url != newsroom.settings.redis_url:
        return queue_length(newsroom.settings.broker_url, "copydesk.clean")
    with redis.Redis.from_url(newsroom.settings.redis_url) as client:
        return int(client.llen("copydesk:copydesk.clean"))


def test_two_sweepers_wake_what_nobody_called_for_and_everything_is_done_once(newsroom: Any) -> None:
    raws = [make_raw(number) for number in range(150)]
    newsroom.ledger.accept(raws, now_ms())  # no wake-up: as if every message had been lost
    newsroom.start_small()
    newsroom.start_small("sweep")
    assert newsroom.wait_for_all() == {"indexed": 150}, newsroom.logs()
    totals = newsroom.ledger.tallies()
    assert (totals["accepted"], totals["indexed"]) == (150, 150)
    assert totals["woken"] >= 1
    for raw in raws:
        words = [step.word for step in newsroom.ledger.journey(raw.id)]
        assert words == ["accepted", "cleaned", "deduped", "tagged", "indexed"]
        assert newsroom.ledger.article(raw.id).revision == 1
    with closing(open_index(newsroom.settings)) as index:
        assert index.count() == 150
    assert "Traceback" not in newsroom.logs()
