"""How workers end: within their grace, with nothing lost, and with no blame for what they were stopped at."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import Any

import pytest
import redis

from shared.clock import now_ms
from shared.queue import on_rabbitmq
from tests.processes import is_gone

from .conftest import make_raw, on_both_brokers, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
POISON = "tests.integration.workers.poison_app"
GRACE = 8.0  # the default; what runs is cut after four seconds
STOPS = {"redis": 3, "rabbitmq": 2}  # tests/faults has ten, of every part, and its load does not wait


def held(newsroom: Any) -> int:
    return sum(entry.held for entry in newsroom.ledger.backlog(now_ms()))


def stop_in_time(newsroom: Any, number: int, grace: float) -> None:
    began = time.monotonic()
    newsroom.stop(number)
    assert time.monotonic() - began < grace, newsroom.logs()


@on_both_brokers
def test_an_article_longer_than_the_grace_is_given_back_without_blame_and_done_once(newsroom: Any) -> None:
    newsroom.settings = replace(newsroom.settings, grace_seconds=GRACE, task_time_limit=60, lease_seconds=10)
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    raw = make_raw(1, title="hang for an hour")
    newsroom.accept(raw)
    wait_until(lambda: newsroom.ledger.status(raw.id).attempts == 1, "the claim, alone")
    (child,) = newsroom.children(number)
    stop_in_time(newsroom, number, GRACE)
    assert newsroom.workers[number].returncode == 0
    assert newsroom.ledger.status(raw.id).attempts == 0
    assert held(newsroom) == 0
    # Killed it is at once; whoever inherits it from its parent may collect it later.
    wait_until(lambda: is_gone(child), "the end of the hung child", 2)
    assert "work given back" in newsroom.logs()
    newsroom.start_small()  # where such a title harms nobody
    wait_until(lambda: newsroom.status(raw) == "indexed", "the next worker")
    words = [step.word for step in newsroom.ledger.journey(raw.id)]
    assert words == ["accepted", "cleaned", "deduped", "tagged", "indexed"]
    assert all(step.attempt <= 1 for step in newsroom.ledger.journey(raw.id))


def test_members_of_a_batch_that_a_stop_cuts_are_no_suspects(newsroom: Any) -> None:
    newsroom.settings = replace(newsroom.settings, grace_seconds=GRACE, task_time_limit=60, lease_seconds=10)
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    newsroom.accept(*(make_raw(number, title=f"slow article {number}") for number in range(20)))
    wait_until(lambda: held(newsroom) == 20, "the claim")
    stop_in_time(newsroom, number, GRACE)  # the batch would take eight seconds
    claim = newsroom.ledger.claim("clean", "live", 50, "test", now_ms() + 2_000)
    assert claim is not None
    assert len(claim.works) == 20  # a suspect would have come alone


def test_children_that_a_stop_of_the_whole_group_ends_bring_no_blame(newsroom: Any) -> None:
    newsroom.settings = replace(newsroom.settings, grace_seconds=GRACE, task_time_limit=60, lease_seconds=10)
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    raw = make_raw(1, title="hang for an hour")
    newsroom.accept(raw)
    wait_until(lambda: newsroom.ledger.status(raw.id).attempts == 1, "the claim, alone")
    os.killpg(newsroom.workers[number].pid, signal.SIGTERM)
    newsroom.workers[number].wait(timeout=GRACE)
    wait_until(lambda: newsroom.ledger.status(raw.id).attempts == 0 and held(newsroom) == 0, "the refund", 1)


def test_a_parent_that_a_frozen_broker_holds_ends_within_its_grace(newsroom: Any) -> None:
    newsroom.settings = replace(newsroom.settings, grace_seconds=GRACE)
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    raw = make_raw(1)
    newsroom.accept(raw)
    wait_until(lambda: newsroom.status(raw) == "cleaned", "the worker")
    newsroom.freeze_broker()
    stop_in_time(newsroom, number, GRACE)
    newsroom.thaw_broker()


@on_both_brokers
def test_stops_under_load_lose_nothing_and_keep_their_grace(newsroom: Any) -> None:
    newsroom.start_small("index", "sweep")
    stops = STOPS["rabbitmq" if on_rabbitmq(newsroom.settings) else "redis"]
    for turn in range(stops):
        number = newsroom.start_worker("clean", "dedupe", "tag", more=("-c", "2"))
        newsroom.accept(*(make_raw(turn * 100 + each) for each in range(100)))
        wait_until(lambda: newsroom.ledger.counts().get("accepted", 0) < 90, "the worker to take some")
        stop_in_time(newsroom, number, newsroom.settings.grace_seconds)
    newsroom.start_worker("clean", "dedupe", "tag", more=("-c", "2"))
    assert newsroom.wait_for_all() == {"indexed": stops * 100}
    assert "Traceback" not in newsroom.logs()


def test_wake_ups_that_a_child_still_held_are_sent_as_it_ends(newsroom: Any) -> None:
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    newsroom.accept(*(make_raw(each, title=f"slow article {each}") for each in range(5)))
    wait_until(lambda: held(newsroom) == 5, "the claim")
    stop_in_time(newsroom, number, newsroom.settings.grace_seconds)
    assert newsroom.ledger.counts() == {"cleaned": 5}
    with redis.Redis.from_url(newsroom.settings.redis_url) as client:
        assert client.llen("copydesk:copydesk.dedupe") >= 1


def test_tasks_that_lie_in_a_childs_pipe_as_the_stop_comes_claim_nothing_more(newsroom: Any) -> None:
    newsroom.settings = replace(newsroom.settings, grace_seconds=GRACE, task_time_limit=60, batch_size=4)
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    newsroom.accept(*(make_raw(each, title=f"slow article {each}") for each in range(24)))
    wait_until(lambda: newsroom.ledger.counts().get("cleaned", 0) > 0, "a batch to be done")
    wait_until(lambda: held(newsroom) > 0, "the claim")
    newsroom.workers[number].send_signal(signal.SIGTERM)
    wait_until(lambda: "warm shutdown" in newsroom.logs().lower(), "the stop")
    done = newsroom.ledger.counts()["cleaned"]
    newsroom.workers[number].wait(timeout=GRACE)
    # What it held then, and no other batch.
    assert newsroom.ledger.counts()["cleaned"] <= done + 4, newsroom.logs()
    with redis.Redis.from_url(newsroom.settings.redis_url) as client:
        assert client.llen("copydesk:copydesk.clean") >= 1
