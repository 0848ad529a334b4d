"""F1 and F2: the API dies between commit and reply, and between reply and publishing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.faults.articles import make_item
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
QUEUE = "copydesk:copydesk.clean"  # with the prefix that this broker's keys carry


@pytest.fixture(scope="module")
def newsroom(make_newsroom: Any) -> Newsroom:
    made: Newsroom = make_newsroom()
    mark = made.settings.data_dir / "die"
    made.add(
        "ingest", "ingest", app="tests.faults.dying_ingest:create_app", environ={"FAULTS_DIE": str(mark)}
    )
    return made.start("ingest", "worker-0", "index-worker", "sweeper")


def die(newsroom: Newsroom, point: str) -> None:
    (newsroom.settings.data_dir / "die").write_text(point, "utf-8")


def await_death(newsroom: Newsroom) -> None:
    until(lambda: not newsroom["ingest"].alive, "the death of ingest", 20)


def test_f01_a_push_whose_answer_was_lost_is_there_and_sent_again_gives_the_same_id(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    item = make_item("1001")
    before = newsroom.ledger.tallies().get("accepted", 0)
    die(newsroom, "before-reply")
    with pytest.raises(httpx.HTTPError):
        newsroom.push(item)
    await_death(newsroom)
    assert newsroom.ledger.tallies()["accepted"] == before + 1  # committed, though nobody was told
    newsroom["ingest"].start()
    (article_id,) = newsroom.push(item)
    newsroom.await_all()
    assert newsroom.word(article_id) == "unchanged"
    assert newsroom.ledger.article(article_id).revision == 1
    assert newsroom.ledger.tallies()["accepted"] == before + 2
    sound(newsroom)


def test_f01_a_retry_under_the_same_key_is_answered_as_the_first_that_died(
    newsroom: Newsroom, sound: Any
) -> None:
    item, key = make_item("1002"), {"Idempotency-Key": "f01"}
    before = newsroom.ledger.tallies().get("accepted", 0)

    def push() -> httpx.Response:
        return newsroom.http.post(newsroom.url("ingest", "/v1/articles"), json=item, headers=key)

    die(newsroom, "before-reply")
    with pytest.raises(httpx.HTTPError):
        push()
    await_death(newsroom)
    newsroom["ingest"].start()
    answer = push()
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (202, "true"), answer.text
    newsroom.await_word(answer.json()["id"], "indexed")
    assert newsroom.ledger.tallies()["accepted"] == before + 1
    sound(newsroom)


def test_f02_what_was_answered_202_and_never_published_is_woken_by_the_sweeper_alone(
    newsroom: Newsroom, sound: Any
) -> None:
    newsroom["sweeper"].kill()
    die(newsroom, "before-publish")
    (article_id,) = newsroom.push(make_item("1003"))
    await_death(newsroom)
    with redis.Redis.from_url(newsroom.settings.broker_url) as client:
        assert client.llen(QUEUE) == 0
    newsroom["ingest"].start()
    assert newsroom.word(article_id) == "accepted"  # and so it stays: nobody knows of it
    newsroom["sweeper"].start()
    newsroom.await_word(article_id, "indexed", 60)
    assert newsroom.ledger.tallies()["woken"] > 0
    sound(newsroom)
