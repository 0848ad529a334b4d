"""F7, F8, F9: articles that kill, hang or break whatever works on them end alone, and stop nobody else."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.ledger.claims import DIED_ALONE
from shared.ledger.keeping import QuarantineFilter
from tests.faults.articles import make_item
from tests.faults.ground import MIDDLE, SMALL
from tests.faults.newsroom import Newsroom

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
TITLES = {
    "raise": "raise an error about the quay",
    "hang": "hang for an hour over the quay",
    "process": "kill the process that reads of the quay",
    "worker": "kill the worker that reads of the quay",
}
REASONS = {
    "raise": "ValueError: a broken article", "hang": "TimeLimitExceeded", "process": "WorkerLostError",
    "worker": DIED_ALONE,
}  # fmt: skip
KILLS = {SMALL: 50, MIDDLE: 20}
STEPS = 20  # between kills
RATE = 6  # articles a second: enough for the steps, and on a slow machine no backlog that outlives the kills


@pytest.fixture(scope="module", params=[SMALL, pytest.param(MIDDLE, marks=pytest.mark.again)], ids=str)
def newsroom(request: pytest.FixtureRequest, make_newsroom: Any) -> Iterator[Newsroom]:
    made: Newsroom = make_newsroom(request.param, lease_seconds=2.0, task_time_limit=2.5)
    yield made.start("ingest", "worker-0", "index-worker", "sweeper")
    make_newsroom.close()  # before the next kind is started


def quarantined(newsroom: Newsroom) -> list[str]:
    return [one.article_id for one in newsroom.ledger.quarantined(QuarantineFilter(), 0, 100)]


def test_f07_f08_f09_poison_is_quarantined_after_five_attempts_and_everyone_else_is_done(
    newsroom: Newsroom, sound: Any
) -> None:
    fine = [make_item(str(number)) for number in range(1, 41)]
    poison = {kind: make_item(str(100 + at), title=title) for at, (kind, title) in enumerate(TITLES.items())}
    beside = [each for pair in zip(poison.values(), fine[20:24], strict=True) for each in pair]
    before = quarantined(newsroom)
    with newsroom.kept_up("worker-0"):
        ids = newsroom.push(*fine[:20], *beside, *fine[24:])
        newsroom.await_all(200)
    sick = dict(zip(poison, ids[20:28:2], strict=True))
    assert {newsroom.word(article_id) for article_id in ids if article_id not in sick.values()} == {"indexed"}
    assert set(quarantined(newsroom)) == {*before, *sick.values()}
    for kind, article_id in sick.items():
        status = newsroom.status(article_id)
        assert status.attempts == 5, (kind, status)
        assert (status.reason or "").startswith(REASONS[kind]), (kind, status)
        kept = newsroom.ledger.quarantined_one(status.submission)
        assert kept is not None
        assert (kept.stage, kept.original.title) == ("clean", TITLES[kind])
    broken = newsroom.ledger.quarantined_one(newsroom.status(sick["raise"]).submission)
    assert broken is not None
    assert "in clean_article" in (broken.traceback or "")
    sound(newsroom, quarantined=[*before, *sick.values()])


def test_f07_random_kills_of_pool_processes_convict_nobody_but_the_poison(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    before = quarantined(newsroom)
    chance, witness = random.Random(50), tmp_path / "witness"
    load = newsroom.load(witness, rate=RATE, seed=50, first=20_000)
    (sick,) = newsroom.push(make_item("300", title=TITLES["raise"]))
    kills, steps = 0, newsroom.steps()
    while kills < KILLS[newsroom.ground.kind]:
        steps = newsroom.await_work(steps + STEPS)
        time.sleep(chance.random() * 0.1)
        children = newsroom["worker-0"].children()
        if children:
            os.kill(chance.choice(children), signal.SIGKILL)
            kills += 1
    load.stop()
    sound(newsroom, witness, quarantined=[*before, sick])
