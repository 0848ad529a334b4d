"""The whole way of an article through real worker processes, and what happens when they die."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.article import Source
from shared.clock import now_ms
from shared.index.open import open_index
from shared.index.parser import parse_query
from shared.index.port import SearchRequest
from shared.queue import make_celery

from .conftest import make_raw, on_both_brokers, on_brokers_of_their_own, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
POISON = "tests.integration.workers.poison_app"


def search(newsroom: Any, text: str, **fields: Any) -> list[str]:
    index = open_index(newsroom.settings)
    request = SearchRequest(now=datetime.now(UTC), query=parse_query(text), size=100, **fields)
    found = [hit.article.id for hit in index.search(request).hits]
    index.close()
    return found


@on_both_brokers
def test_articles_copies_and_revisions_end_where_they_should(newsroom: Any) -> None:
    newsroom.start_all()
    lead = make_raw(1)
    copy = make_raw(2, lead.body, source=Source("copier.example"))
    stub = replace(make_raw(3), body=None, html="<html><body><p>Nothing here.</p></body></html>")
    newsroom.accept(lead)
    wait_until(lambda: newsroom.status(lead) == "indexed", "the lead")
    newsroom.accept(
        copy, stub, make_raw(4, "word " * 70_000), *(make_raw(number) for number in range(10, 60))
    )
    newsroom.accept(replace(lead))
    wait_until(lambda: newsroom.status(lead) == "unchanged", "the resend")
    newsroom.accept(replace(lead, title="Harbour board changes its mind"))
    counts = newsroom.wait_for_all()
    assert counts == {"indexed": 53, "rejected": 2, "unchanged": 1}, newsroom.logs()
    assert search(newsroom, '"changes its mind"') == [lead.id]
    assert newsroom.ledger.status(make_raw(4).id).reason == "too-long"
    index = open_index(newsroom.settings)
    [served] = index.get([lead.id], datetime.now(UTC))
    index.close()
    assert served.indexed_at is not None
    found = newsroom.ledger.article(copy.id)
    assert (found.verdict, found.duplicate_of, found.is_lead) == ("duplicate", lead.id, False)
    assert len(search(newsroom, "harbour")) == 51
    assert len(search(newsroom, "harbour", duplicates="keep")) == 52
    assert [step.word for step in newsroom.ledger.journey(copy.id)] == [
        "accepted", "cleaned", "deduped", "tagged", "indexed",
    ]  # fmt: skip


@on_both_brokers
def test_a_worker_killed_again_and_again_loses_nothing(newsroom: Any) -> None:
    newsroom.start_small("index", "sweep")
    raws = [make_raw(number) for number in range(180)]
    for start in range(0, 180, 60):
        number = newsroom.start_worker("clean", "dedupe", "tag", more=("-c", "2"))
        newsroom.accept(*raws[start : start + 60])
        wait_until(lambda: newsroom.ledger.counts().get("accepted", 0) < 50, "the worker to take some")
        newsroom.kill(number)
    newsroom.start_worker("clean", "dedupe", "tag", more=("-c", "2"))
    assert newsroom.wait_for_all() == {"indexed": 180}
    assert len(set(search(newsroom, "harbour"))) == 100  # a page of 100; the total is checked next
    index = open_index(newsroom.settings)
    assert index.count() == 180
    index.close()


@on_both_brokers
def test_poison_ends_in_quarantine_and_everyone_else_is_done(newsroom: Any) -> None:
    newsroom.start_all(POISON)
    fine = [make_raw(number) for number in range(40)]
    raising, killing = make_raw(100, title="raise an error"), make_raw(101, title="kill the process")
    newsroom.accept(*fine[:20], raising, killing, *fine[20:])
    counts = newsroom.wait_for_all(120)
    assert counts == {"indexed": 40, "quarantined": 2}, newsroom.logs()
    assert newsroom.ledger.status(raising.id).reason == "ValueError: a broken article"
    assert newsroom.ledger.status(killing.id).attempts == 5
    assert all(newsroom.ledger.status(raw.id).attempts == 0 for raw in fine)


def test_a_hanging_article_is_stopped_by_its_time_limit_and_the_rest_goes_on(newsroom: Any) -> None:
    newsroom.start_all(POISON)
    hanging, fine = make_raw(1, title="hang for an hour"), [make_raw(number) for number in range(10, 15)]
    newsroom.accept(hanging, *fine)
    wait_until(lambda: all(newsroom.status(raw) == "indexed" for raw in fine), "the others")
    wait_until(lambda: "TimeLimitExceeded" in newsroom.logs(), "the time limit")
    assert newsroom.status(hanging) in ("accepted", "quarantined")


def test_a_stopped_worker_that_wakes_late_changes_nothing(newsroom: Any) -> None:
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1", "-P", "solo"))
    raw = make_raw(1, title="slow article")
    newsroom.accept(raw)
    wait_until(lambda: newsroom.ledger.status(raw.id).attempts == 1, "the claim")
    process = newsroom.workers[number]
    os.kill(process.pid, signal.SIGSTOP)
    newsroom.start_small()
    wait_until(lambda: newsroom.status(raw) == "indexed", "another worker")
    os.kill(process.pid, signal.SIGCONT)
    wait_until(lambda: "batch came too late" in newsroom.logs(), "the late worker's end")
    assert newsroom.ledger.counts() == {"indexed": 1}
    assert newsroom.ledger.article(raw.id).revision == 1


def test_a_term_signal_in_the_middle_of_work_loses_nothing(newsroom: Any) -> None:
    number = newsroom.start_worker("clean", app=POISON, more=("-c", "1"))
    raws = [make_raw(number, title=f"slow article {number}") for number in range(10)]
    newsroom.accept(*raws)
    wait_until(lambda: sum(entry.held for entry in newsroom.ledger.backlog(now_ms())) == 10, "the claim")
    began = time.monotonic()
    assert newsroom.stop(number) == 0
    assert time.monotonic() - began < 12
    newsroom.start_small()
    assert newsroom.wait_for_all() == {"indexed": 10}


@on_brokers_of_their_own
def test_a_broker_killed_in_mid_work_and_started_again_loses_nothing(newsroom: Any) -> None:
    newsroom.start_all()
    first = make_raw(1)
    newsroom.accept(first)
    wait_until(lambda: newsroom.status(first) == "indexed", "the workers")
    # RabbitMQ 3.10 writes down half a second later that a queue was made; killed before that, it comes back
    # with a queue that never finds a leader. That is no matter of work in hand.
    time.sleep(2)
    raws = [make_raw(number) for number in range(10, 110)]
    newsroom.accept(*raws[:50])
    newsroom.kill_broker()
    newsroom.accept(*raws[50:])
    newsroom.restart_broker()
    assert newsroom.wait_for_all(110) == {"indexed": 101}, newsroom.logs()


@on_brokers_of_their_own
def test_a_broker_frozen_for_a_while_holds_nobody_and_loses_nothing(newsroom: Any) -> None:
    newsroom.start_all()
    first = make_raw(1)
    newsroom.accept(first)
    wait_until(lambda: newsroom.status(first) == "indexed", "the workers")
    newsroom.freeze_broker()
    newsroom.ledger.accept([make_raw(number) for number in range(10, 30)], now_ms())
    began = time.monotonic()
    for _ in range(20):  # the ledger aside, whose writes a busy machine may slow down
        newsroom.waker.wake("clean")
    assert time.monotonic() - began < 1, "the call waited for the broker"
    time.sleep(6)  # longer than every time-out towards a broker
    newsroom.thaw_broker()
    assert newsroom.wait_for_all(110) == {"indexed": 21}, newsroom.logs()


@on_both_brokers
def test_messages_of_another_build_are_logged_and_harm_nothing(newsroom: Any) -> None:
    newsroom.start_small()
    raw = make_raw(1)
    celery = make_celery(newsroom.settings)
    for name, args in (
        ("copydesk.translate", ["live"]),  # a task that this build does not know
        ("copydesk.clean", ["archive", []]),  # a lane
        ("copydesk.clean", ["live", [], {"more": 1}, "later"]),  # arguments
    ):
        celery.send_task(name, args=args, kwargs={"hint": "new"}, queue="copydesk.clean")
    celery.send_task("copydesk.sweep", args=["all"], kwargs={"hint": "new"}, queue="copydesk.sweep")
    celery.send_task("copydesk.tidy", args=["all"], kwargs={"hint": "new"}, queue="copydesk.index")
    celery.close()
    newsroom.accept(raw)
    wait_until(lambda: newsroom.status(raw) == "indexed", "the article")
    # Nothing says that the article comes after them.
    wait_until(lambda: "copydesk.translate" in newsroom.logs(), "the unknown task in the log")
    wait_until(lambda: "unknown lane left alone" in newsroom.logs(), "the unknown lane in the log")
    assert "TypeError" not in newsroom.logs()
    assert all(process.poll() is None for process in newsroom.workers)
