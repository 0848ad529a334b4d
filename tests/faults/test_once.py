"""F17, F19, F24, F29, F30, F32: what comes twice or at once, late, by a wrong clock, from another build."""

from __future__ import annotations

import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.cli import system
from shared.clock import now_ms
from shared.fingerprints.open import open_fingerprints
from shared.index.open import open_index
from shared.queue import make_celery
from tests.faults.articles import make_item
from tests.faults.checker import read_metrics
from tests.faults.ledgers import ask_sql, run_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import Process, until
from tests.servers import free_port

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
HOUR_MS = 3_600_000
AT_ONCE = 20
CLEAN_QUEUE = "copydesk:copydesk.clean"  # with the prefix that this broker's keys carry
SLOW_HEADERS = b"GET /metrics HTTP/1.1\r\nHost: a-slow-prometheus\r\n"


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


def post_at_once(newsroom: Newsroom, item: dict[str, Any], keys: Sequence[str]) -> list[httpx.Response]:
    """Post an item once per Idempotency-Key (empty: none), each over its own connection, at one moment."""
    barrier = threading.Barrier(len(keys))

    def post(key: str) -> httpx.Response:
        with httpx.Client(timeout=20, trust_env=False) as http:
            http.get(newsroom.url("ingest", "/healthz")).raise_for_status()  # it is connected from here on
            barrier.wait(30)
            headers = {"Idempotency-Key": key} if key else {}
            return http.post(newsroom.url("ingest", "/v1/articles"), json=item, headers=headers)

    with ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(post, keys))


def totals(newsroom: Newsroom) -> Counter[str]:
    """What /metrics counts as accepted and as ended, by name with labels."""
    told = read_metrics(newsroom.settings)
    assert told is not None
    named = ("copydesk_accepted_total", "copydesk_ended_total")
    return Counter({name: int(value) for name, value in told.items() if name.startswith(named)})


def votes(newsroom: Newsroom, article_id: str) -> tuple[list[Any], list[str | None]]:
    """The articles that have this one's text, and whom the fingerprints hold for its lead."""
    (text,) = ask_sql(newsroom.settings, f"SELECT text_hash FROM articles WHERE id = '{article_id}'")[0]
    same = ask_sql(newsroom.settings, f"SELECT id FROM articles WHERE text_hash = '{text}'")
    return [row.id for row in same], open_fingerprints(newsroom.settings).look_up([text])


@pytest.mark.parametrize(
    "keys", [[""] * AT_ONCE, [f"at-once-{at}" for at in range(AT_ONCE)]], ids=["no key", "twenty keys"]
)
def test_an_article_posted_twenty_times_at_once_is_one_article_and_one_revision(
    newsroom: Newsroom, sound: Any, keys: list[str]
) -> None:
    item, before = make_item("60001" if keys[0] else "60000"), totals(newsroom)
    at_dedupe = "SELECT token FROM submissions WHERE stage = 'dedupe'"
    with newsroom.holding("dedupe"):
        answers = post_at_once(newsroom, item, keys)
        until(lambda: len(ask_sql(newsroom.settings, at_dedupe)) == AT_ONCE, "all of them at dedupe")
        until(lambda: any(row.token for row in ask_sql(newsroom.settings, at_dedupe)), "the claim")
        held = [row.token for row in ask_sql(newsroom.settings, at_dedupe) if row.token]
    assert len(held) == 1  # the others wait until it is known what this one is
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    (article_id,) = {answer.json()["id"] for answer in answers}
    assert len({answer.json()["submission"] for answer in answers}) == AT_ONCE
    newsroom.await_all()
    query = f"SELECT status, count(*) FROM submissions WHERE article_id = '{article_id}' GROUP BY status"
    assert {row[0]: row[1] for row in ask_sql(newsroom.settings, query)} == {"indexed": 1, "unchanged": 19}
    assert totals(newsroom) - before == {
        "copydesk_accepted_total": 20, 'copydesk_ended_total{word="indexed"}': 1,
        'copydesk_ended_total{word="unchanged"}': 19,
    }  # fmt: skip
    article = newsroom.ledger.article(article_id)
    assert article is not None
    assert (article.revision, article.is_lead, article.copies) == (1, True, ())
    words = Counter(step.word for step in newsroom.ledger.journey(article_id))
    assert words == {"accepted": 20, "cleaned": 20, "unchanged": 19, "deduped": 1, "tagged": 1, "indexed": 1}
    assert votes(newsroom, article_id) == ([article_id], [article_id])
    index = open_index(newsroom.settings)
    index.refresh()
    assert index.changes([article_id]) == {article_id: article.change}
    index.close()
    sound(newsroom)  # which counts the documents


def test_a_push_sent_twenty_times_at_once_under_one_key_is_one_submission_and_one_answer(
    newsroom: Newsroom, sound: Any
) -> None:
    before = totals(newsroom)
    answers = post_at_once(newsroom, make_item("60002"), ["one-key"] * AT_ONCE)
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    assert len({answer.content for answer in answers}) == 1
    repeated = [answer.headers.get("Idempotency-Replayed") for answer in answers]
    assert sorted(repeated, key=str) == [None, *["true"] * (AT_ONCE - 1)]
    newsroom.await_all()
    told = answers[0].json()
    query = f"SELECT id, status FROM submissions WHERE article_id = '{told['id']}'"
    assert [tuple(row) for row in ask_sql(newsroom.settings, query)] == [(told["submission"], "indexed")]
    grown = {"copydesk_accepted_total": 1, 'copydesk_ended_total{word="indexed"}': 1}
    assert totals(newsroom) - before == grown
    sound(newsroom)


@contextmanager
def claims_watched(newsroom: Newsroom) -> Iterator[list[Any]]:
    """Let the ledger itself write down every row that was claimed while another claim's lease still ran."""
    seen: list[Any] = []
    run_sql(
        newsroom.settings,
        "CREATE TABLE claimed_twice (sequence INTEGER, old TEXT, new TEXT)",
        "CREATE TRIGGER watch_claims AFTER UPDATE OF token ON submissions"
        " WHEN new.token IS NOT old.token AND new.token IS NOT NULL AND old.token IS NOT NULL"
        " AND old.lease_until > new.updated_at"
        " BEGIN INSERT INTO claimed_twice VALUES (new.sequence, old.token, new.token); END",
    )
    try:
        yield seen
        seen += ask_sql(newsroom.settings, "SELECT * FROM claimed_twice")
    finally:
        run_sql(newsroom.settings, "DROP TRIGGER watch_claims", "DROP TABLE claimed_twice")


def test_f24_two_sweepers_at_once_claim_nothing_twice(newsroom: Newsroom, sound: Any) -> None:
    sweepers = (newsroom["sweeper"], newsroom.add("sweeper-2", like="sweeper").start())
    with claims_watched(newsroom) as twice:
        told = [sweeper.said().count('"stage woken"') for sweeper in sweepers]
        with newsroom.holding("clean"):
            ids = newsroom.push(*(make_item(str(number)) for number in range(10_000, 10_040)))
            until(lambda: newsroom.held() == 40, "the claims")
            for worker in (newsroom["worker-0"], newsroom["worker-1"]):
                worker.kill()
        with redis.Redis.from_url(newsroom.settings.broker_url) as client:
            client.flushall()  # from here on nobody but the sweepers wakes a stage
            until(lambda: int(client.llen(CLEAN_QUEUE)) >= 3, "several wake-ups of one stage")
        now = [sweeper.said().count('"stage woken"') for sweeper in sweepers]
        assert all(late > early for late, early in zip(now, told, strict=True)), "one sweeper did all of it"
        newsroom.start("worker-0", "worker-1")
        newsroom.await_all()
    assert not twice, twice[:3]
    for article_id in ids:
        words = [step.word for step in newsroom.ledger.journey(article_id)]
        assert words == ["accepted", "cleaned", "deduped", "tagged", "indexed"], words
    sound(newsroom)
    sweepers[1].kill()


def test_f29_a_clock_that_jumps_an_hour_forth_and_back_under_load_harms_nothing(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    clock, witness = newsroom.settings.data_dir / "clock", tmp_path / "witness"
    load = newsroom.load(witness, rate=8, seed=29, first=20_000)
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

    def await_a_hundred() -> None:
        before = newsroom.ledger.counts().get("indexed", 0)
        until(lambda: newsroom.ledger.counts().get("indexed", 0) >= before + 100, "a hundred articles", 30)

    try:
        until(lambda: "worker-0@" in flower_metrics(newsroom), "Flower to hear of the workers", 30)
        witness = tmp_path / "witness"
        load = newsroom.load(witness, rate=15, seed=32, first=50_000)
        flower.signal_all(signal.SIGSTOP)
        with a_slow_prometheus(newsroom):
            await_a_hundred()
    finally:
        flower.kill()
    await_a_hundred()
    load.stop()
    sound(newsroom, witness)
    assert not [entry for entry in newsroom.ledger.backlog(now_ms()) if entry.waiting]


def flower_metrics(newsroom: Newsroom) -> str:
    """What Flower tells Prometheus, workers by name; nothing where it does not answer yet."""
    answer = newsroom.http.get(f"{system.flower_url(newsroom.settings)}/metrics")
    return answer.text if answer.is_success else ""


@contextmanager
def a_slow_prometheus(newsroom: Newsroom) -> Iterator[None]:
    """Ask for the numbers and read no answer, and begin another question without an end."""
    place = (newsroom.settings.bind, newsroom.settings.ingest_port)
    with socket.create_connection(place) as deaf, socket.create_connection(place) as slow:
        deaf.sendall((SLOW_HEADERS + b"\r\n") * 20)
        slow.sendall(SLOW_HEADERS)
        yield
