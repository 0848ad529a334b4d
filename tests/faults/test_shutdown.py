"""F15, F16: SIGTERM at any moment loses nothing, convicts nobody, and ends within the grace period."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults.articles import make_item
from tests.faults.ground import MIDDLE, SMALL
from tests.faults.ledgers import ask_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
# Every part at least once on either kind; who is held meets the stop in work that does not end by itself.
STOPS = {
    SMALL: ("worker-0 held", "worker-0", "index-worker", "worker-0", "ingest", "sweeper", "worker-0 held",
            "index-worker", "worker-0", "ingest"),
    MIDDLE: ("worker-0 held", "index-worker", "ingest", "sweeper", "worker-0"),
}  # fmt: skip


@pytest.fixture(scope="module", params=[MIDDLE, pytest.param(SMALL, marks=pytest.mark.again)], ids=str)
def newsroom(request: pytest.FixtureRequest, make_newsroom: Any) -> Iterator[Newsroom]:
    made: Newsroom = make_newsroom(request.param, task_time_limit=20.0, grace_seconds=8.0)
    yield made.start("ingest", "worker-0", "index-worker", "sweeper")
    make_newsroom.close()  # before the next kind is started


def at_work(newsroom: Newsroom, stage: str) -> int:
    """How many articles are held at a stage; ``%`` means any."""
    query = f"SELECT count(*) FROM submissions WHERE token IS NOT NULL AND stage LIKE '{stage}'"
    return int(ask_sql(newsroom.settings, query)[0][0])


def suspects(newsroom: Newsroom) -> int:
    """How many articles bear the blame of a batch that died; after a stop, none may."""
    return int(ask_sql(newsroom.settings, "SELECT count(*) FROM submissions WHERE alone")[0][0])


def test_f15_stops_of_every_part_under_load_lose_nothing_and_end_within_the_grace(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    chance, witness = random.Random(15), tmp_path / "witness"
    load = newsroom.load(witness, rate=6, seed=15, first=10_000)
    took: dict[str, float] = {}
    for at, words in enumerate(STOPS[newsroom.ground.kind]):
        name, _, is_held = words.partition(" ")
        with newsroom.holding("clean") if is_held else nullcontext():
            stage = "clean" if is_held else "%"
            until(partial(at_work, newsroom, stage), f"work before stop {at}")
            time.sleep(chance.random() * 0.2)
            took[f"{name}, stop {at}"] = newsroom[name].stop(newsroom.settings.grace_seconds + 20)
            assert suspects(newsroom) == 0, f"stop {at}, of {name}"
        newsroom[name].start()
    load.stop()
    sound(newsroom, witness)
    assert max(took.values()) < newsroom.settings.grace_seconds, took


def test_f16_work_longer_than_the_grace_goes_back_without_blame_and_is_done_once(
    newsroom: Newsroom, sound: Any
) -> None:
    with newsroom.holding("clean"):
        (article_id,) = newsroom.push(make_item("1"))
        until(lambda: newsroom.status(article_id).attempts == 1, "the claim")
        took = newsroom["worker-0"].stop(newsroom.settings.grace_seconds + 20)
    status = newsroom.status(article_id)
    assert (status.status, status.attempts) == ("accepted", 0), status
    assert newsroom.held() == 0
    newsroom["worker-0"].start()
    assert took < newsroom.settings.grace_seconds, f"it took {took:.1f} s to stop"
    newsroom.await_word(article_id, "indexed", 60)
    words = [step.word for step in newsroom.ledger.journey(article_id)]
    assert words.count("cleaned") == 1
    assert "failed" not in words
    sound(newsroom)
