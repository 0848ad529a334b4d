"""F3, F4, F18: pool processes and whole workers are killed or frozen in the middle of their work."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import redis

from services.workers.sweeper import longest_wait
from shared.clock import now_ms
from shared.settings import Settings
from tests.faults.articles import make_item
from tests.faults.checker import check
from tests.faults.ground import MIDDLE, SMALL
from tests.faults.ledgers import ask_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
KILLS = {SMALL: 20, MIDDLE: 10}
STEPS = 20  # between kills
RATE = 6  # articles a second: enough for the steps, and on a slow machine no backlog that outlives the kills
FAMILIES = 60
PROMISED_SECONDS = 30  # nothing waits longer once faults have stopped
DECIDING = ("lease_seconds", "stuck_seconds", "sweep_seconds", "task_time_limit")


@pytest.fixture(scope="module", params=[SMALL, MIDDLE], ids=str)
def newsroom(request: pytest.FixtureRequest, make_newsroom: Any) -> Iterator[Newsroom]:
    made: Newsroom = make_newsroom(request.param, workers=2)
    yield made.start("ingest", "worker-0", "worker-1", "index-worker", "sweeper")
    make_newsroom.close()  # before the next kind is started


def test_f03_a_pool_process_killed_at_work_costs_seconds_and_the_work_is_done_once(
    newsroom: Newsroom, sound: Any
) -> None:
    newsroom["worker-1"].kill()
    (article_id,) = newsroom.push(make_item("2001", title="slow 1.5 report of the river board"))
    until(lambda: newsroom.status(article_id).attempts == 1, "the claim")
    for child in newsroom["worker-0"].children():
        os.kill(child, signal.SIGKILL)
    newsroom.await_word(article_id, "indexed", 10)
    assert newsroom["worker-0"].alive
    words = [step.word for step in newsroom.ledger.journey(article_id)]
    assert words.count("cleaned") == words.count("indexed") == 1, words
    newsroom["worker-1"].start()
    sound(newsroom)


def test_f04_whole_workers_killed_again_and_again_under_load_lose_and_double_nothing(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    chance, witness = random.Random(4), tmp_path / "witness"
    load = newsroom.load(witness, rate=RATE, seed=4, first=10_000)
    steps = newsroom.steps()
    for _ in range(KILLS[newsroom.ground.kind]):
        victim = chance.choice([worker for worker in newsroom.workers if worker.alive])
        steps = newsroom.await_work(steps + STEPS)
        time.sleep(chance.random() * 0.1)
        victim.kill()
        victim.start(wait=False)
    load.stop()
    for worker in newsroom.workers:
        worker.wait_ready()
    sound(newsroom, witness)


def test_near_copies_that_race_through_workers_that_are_killed_have_one_lead(
    newsroom: Newsroom, sound: Any
) -> None:
    """What ``test_near_races`` shows of the bands alone, with the claims and commits of real workers."""
    chance = random.Random(5)
    families = [[f"{number}{way}" for way in ("", "/1", "/4", "/5", "/6")] for number in range(FAMILIES)]
    keys = [f"77{key}" for family in families for key in family]
    chance.shuffle(keys)
    ids: dict[str, str] = {}
    for first in range(0, len(keys), 10):
        part = keys[first : first + 10]
        ids |= dict(zip(part, newsroom.push(*(make_item(key) for key in part)), strict=True))
        if first % 60 == 50:
            newsroom.await_work(newsroom.steps() + 1)  # one is in the middle of it
            victim = chance.choice([worker for worker in newsroom.workers if worker.alive])
            victim.kill()
            victim.start(wait=False)
    for worker in newsroom.workers:
        worker.wait_ready()
    newsroom.await_all()
    for family in families:
        found = {
            one.id: one.duplicate_of for one in newsroom.ledger.articles([ids[f"77{key}"] for key in family])
        }
        leads = {one for one, lead in found.items() if lead is None}
        assert len(leads) == 1, (family, found)
        assert {lead for lead in found.values() if lead is not None} == leads, (family, found)
    sound(newsroom)


def test_f18_a_worker_that_wakes_after_its_lease_changes_nothing(newsroom: Newsroom, sound: Any) -> None:
    newsroom["worker-1"].kill()
    with newsroom.holding("clean"):
        ids = newsroom.push(*(make_item(str(number)) for number in range(3001, 3011)))
        until(lambda: newsroom.held() == 10, "the claim")
        newsroom["worker-0"].signal_all(signal.SIGSTOP)
    newsroom["worker-1"].start()
    newsroom.await_all()
    changes = [newsroom.ledger.article(article_id).change for article_id in ids]
    said = newsroom["worker-0"].said().count("batch came too late")
    # The children first: their parent finds them far over their time, and would kill them at once.
    for child in newsroom["worker-0"].children():
        os.kill(child, signal.SIGCONT)
    until(lambda: newsroom["worker-0"].said().count("batch came too late") > said, "the late commit", 30)
    newsroom["worker-0"].signal_all(signal.SIGCONT)
    assert [newsroom.ledger.article(article_id).change for article_id in ids] == changes
    assert all(newsroom.ledger.article(article_id).revision == 1 for article_id in ids)
    sound(newsroom)


def test_the_kill_tests_fail_without_the_sweeper(own_newsroom: Any, sound: Any) -> None:
    newsroom: Newsroom = own_newsroom()
    newsroom.start("ingest", "worker-0", "index-worker")
    with newsroom.holding("clean"):
        ids = newsroom.push(*(make_item(str(number)) for number in range(4001, 4031)))
        until(lambda: newsroom.held() == 30, "the claim")
        newsroom["worker-0"].kill()
        with redis.Redis.from_url(newsroom.settings.broker_url) as client:
            client.flushall()  # what the broker loses, whichever way it does
    newsroom["worker-0"].start()
    report = check(newsroom.settings, wait=newsroom.settings.lease_seconds + 3)
    assert len(report.stuck) == 30, report
    newsroom["sweeper"].start()
    newsroom.await_all()
    assert all(newsroom.word(article_id) == "indexed" for article_id in ids)
    sound(newsroom)


def test_what_a_dead_worker_held_is_claimed_again_within_thirty_seconds_at_the_default_settings(
    own_newsroom: Any, sound: Any
) -> None:
    defaults = {item.name: item.default for item in fields(Settings) if item.name in DECIDING}
    newsroom: Newsroom = own_newsroom(**defaults)
    assert longest_wait(newsroom.settings) == PROMISED_SECONDS
    newsroom.start("ingest", "worker-0", "index-worker", "sweeper")
    with newsroom.holding("clean"):
        newsroom.push(*(make_item(str(number)) for number in range(5001, 5031)))
        until(lambda: newsroom.held() == 30, "the claim")
        newsroom["worker-0"].kill()
        killed = now_ms()
        with redis.Redis.from_url(newsroom.settings.broker_url) as client:
            client.flushall()
    dead = {row.token for row in ask_sql(newsroom.settings, "SELECT token FROM submissions")}
    assert None not in dead
    newsroom["worker-0"].start()
    waited: dict[int, float] = {}

    def all_claimed() -> bool:
        """Note each row as it is first seen without the dead claims, with the time that the ledger says."""
        for row in ask_sql(newsroom.settings, "SELECT sequence, token, updated_at FROM submissions"):
            if row.token not in dead:
                waited.setdefault(row.sequence, (row.updated_at - killed) / 1000)
        return len(waited) == 30

    until(all_claimed, lambda: f"the claims; so far {waited}", 2 * PROMISED_SECONDS)
    assert max(waited.values()) <= PROMISED_SECONDS, waited
    newsroom.await_all()
    sound(newsroom)
