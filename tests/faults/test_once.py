"""F17, F19, F24, F29, F30, F32: what comes twice, late, from a wrong clock, or from another build."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from services.cli import system
from shared.clock import now_ms
from shared.queue import make_celery
from tests.faults.articles import make_item
from tests.faults.ledgers import ask_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import Process, until
from tests.servers import free_port

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def newsroom(make_newsroom: Any) -> Newsroom:
    made: Newsroom = make_newsroom(workers=2, app="tests.faults.jumping_app", flower_port=free_port())
    return made.start("ingest", "worker-0", "worker-1", "index-worker", "sweeper")


def test_f17_the_same_message_delivered_again_and_again_has_one_effect(
    newsroom: Newsroom, sound: Any
) -> None:
    app = make_celery(newsroom.settings)

    def deliver(stage: str, task_id: str) -> None:
        name = f"copydesk.{stage}"
        app.send_task(name, args=["live", []], queue=name, task_id=task_id)

    with newsroom.holding("clean"):
        ids = newsroom.push(*(make_item(str(number)) for number in range(1, 201)))
        for _ in range(4):  # deliveries of one message run side by side in two workers, under one token
            deliver("clean", "clean-again")
        until(lambda: held_twice(newsroom, "cleanagain"), "two claims under one token")
    for number in range(60):
        for stage in ("clean", "dedupe", "tag", "index"):
            deliver(stage, f"{stage}-{number // 3}")
    newsroom.await_all()
    app.close()
    for article_id in ids:
        words = [step.word for step in newsroom.ledger.journey(article_id)]
        assert words == ["accepted", "cleaned", "deduped", "tagged", "indexed"], words
    sound(newsroom)


def test_f19_versions_that_arrive_in_any_order_end_with_the_newest(newsroom: Newsroom, sound: Any) -> None:
    chance = random.Random(19)
    pushes = [(key, version) for key in range(1_000, 1_010) for version in range(1, 13)]
    chance.shuffle(pushes)
    ids: set[str] = set()
    for start in range(0, len(pushes), 24):
        batch = pushes[start : start + 24]
        ids |= set(newsroom.push(*(make_item(str(key), version) for key, version in batch)))
    newsroom.await_all()
    assert len(ids) == 10
    for article_id in ids:
        found = newsroom.ledger.article(article_id)
        assert found is not None
        assert "edition 12 " in f"{found.title} ", found.title
        assert found.revision <= 12
    sound(newsroom)


def test_f24_two_sweepers_at_once_claim_nothing_twice(newsroom: Newsroom, sound: Any, tmp_path: Path) -> None:
    second = newsroom.add("sweeper-2", like="sweeper")
    second.start()
    witness = tmp_path / "witness"
    load = newsroom.load(witness, rate=30, seed=24, first=10_000)
    for _ in range(3):
        until(lambda: newsroom.held() > 0, "work")
        newsroom["worker-0"].kill()
        newsroom["worker-0"].start()
    load.stop()
    sound(newsroom, witness)
    second.stop()


def test_f29_a_clock_that_jumps_an_hour_forth_and_back_under_load_harms_nothing(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    clock, witness = newsroom.settings.data_dir / "clock", tmp_path / "witness"
    load = newsroom.load(witness, rate=30, seed=29, first=20_000)
    for jump in (HOUR_MS, 0, -HOUR_MS, 0):
        until(lambda: held_rows(newsroom), "work")
        clock.write_text(str(jump), "utf-8")
        newsroom["worker-0"].kill()  # leases of the old time stay behind
        newsroom["worker-0"].start()
    load.stop()
    sound(newsroom, witness)
    assert newsroom.ledger.counts().get("quarantined", 0) == 0


@pytest.mark.parametrize("wrong", [HOUR_MS, -HOUR_MS], ids=["ahead", "behind"])
def test_f29_a_dead_worker_with_a_wrong_clock_leaves_leases_that_end(
    newsroom: Newsroom, sound: Any, wrong: int
) -> None:
    clock = newsroom.settings.data_dir / f"clock-{wrong}"
    clock.write_text(str(wrong), "utf-8")
    newsroom["worker-0"].kill()
    newsroom["worker-1"].kill()
    name = f"worker-wrong-{wrong}"
    astray = newsroom.add(name, "worker", environ={"FAULTS_CLOCK": str(clock)}).start()
    with newsroom.holding("clean"):
        ids = newsroom.push(
            *(make_item(str(number + wrong // HOUR_MS * 100)) for number in range(30_000, 30_010))
        )
        until(lambda: len(held_rows(newsroom)) == 10, "the claim")
        astray.kill()
    newsroom["worker-0"].start()
    newsroom["worker-1"].start()
    newsroom.await_all(40)
    assert {newsroom.word(article_id) for article_id in ids} == {"indexed"}
    sound(newsroom)


def held_rows(newsroom: Newsroom) -> list[Any]:
    """Rows with a token; the lease of a clock that is behind ours counts as lapsed at once."""
    query = "SELECT token, claimed FROM submissions WHERE token IS NOT NULL"
    return ask_sql(newsroom.settings, query)


def held_twice(newsroom: Newsroom, token: str) -> bool:
    """Whether two claims at least hold rows under one token: more rows than a claim has."""
    sizes = [row.claimed for row in held_rows(newsroom) if row.token == token]
    return len(sizes) > max(sizes, default=0)


def test_f30_messages_of_another_build_are_passed_over_and_work_goes_on(
    newsroom: Newsroom, sound: Any
) -> None:
    app = make_celery(newsroom.settings)
    strangers: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("copydesk.summarise", ["live", []], {}),
        ("copydesk.clean", ["live", [], "of a later build"], {"mode": "deep"}),
        ("copydesk.clean", ["express", []], {}),
        ("copydesk.clean", [], {}),
        ("copydesk.clean", [{"lane": "live"}], {}),
    ]
    for name, args, named in strangers * 3:
        app.send_task(name, args=args, kwargs=named, queue="copydesk.clean")
    app.close()
    ids = newsroom.push(*(make_item(str(number)) for number in range(40_000, 40_010)))
    newsroom.await_all()
    assert {newsroom.word(article_id) for article_id in ids} == {"indexed"}
    until(
        lambda: "copydesk.summarise" in newsroom["worker-0"].said() + newsroom["worker-1"].said(),
        "a word",
        20,
    )
    assert newsroom["worker-0"].alive
    assert newsroom["worker-1"].alive
    sound(newsroom)


def test_f32_a_frozen_and_a_dead_flower_are_no_concern_of_the_pipeline(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    environ = {**system.current_environment(), **newsroom.settings.environment()}
    spec = system.flower_child(newsroom.settings, environ)
    flower = Process("flower", spec.argv, spec.environ, tmp_path / "flower.log", spec.probe).start()
    try:
        witness = tmp_path / "witness"
        load = newsroom.load(witness, rate=30, seed=32, first=50_000)
        flower.signal_all(signal.SIGSTOP)
        began, before = time.monotonic(), newsroom.ledger.counts().get("indexed", 0)
        until(lambda: newsroom.ledger.counts().get("indexed", 0) >= before + 100, "a hundred articles", 60)
        assert time.monotonic() - began < 60
    finally:
        flower.kill()
    load.stop()
    sound(newsroom, witness)
    assert not [entry for entry in newsroom.ledger.backlog(now_ms()) if entry.waiting]
