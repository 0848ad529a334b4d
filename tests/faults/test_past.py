"""F22, F31: the whole past runs again, and a new index takes the old one's place, while news comes in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.clock import now_ms
from shared.index.document import digest
from shared.index.open import open_index
from shared.ledger.keeping import ReplaySpec
from shared.messages import Stage
from tests.faults.ground import SMALL, Kind
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]
PAST = 120
LARGER = Kind(index="elasticsearch")
# The stage that writes the index, and the whole way, through all the others.
STAGES: tuple[Stage, ...] = ("index", "clean")


@pytest.fixture(scope="module")
def newsroom(request: pytest.FixtureRequest, make_newsroom: Any, tmp_path_factory: Any) -> Iterator[Newsroom]:
    made: Newsroom = make_newsroom(request.param, index_batch_size=500)  # replay writes an eighth at a time
    made.start()
    load = made.load(tmp_path_factory.mktemp("past") / "witness", rate=300, seed=31, count=PAST)
    until(lambda: not load.alive, "the past to be pushed", 60)
    made.await_all()
    yield made
    make_newsroom.close()  # before the next kind is started


@contextmanager
def searching(newsroom: Newsroom) -> Iterator[list[str]]:
    """Search without a break; yields what failed, or found less than before."""
    done, failed = threading.Event(), list[str]()

    def search() -> None:
        least = 0
        while not done.is_set():
            answer = newsroom.http.get(
                newsroom.url("search", "/v1/search"), params={"q": "report", "duplicates": "keep", "size": 1}
            )
            if answer.status_code != 200 or answer.json()["partial"]:
                failed.append(answer.text)
            elif (total := answer.json()["total"]["articles"]) < least:
                failed.append(f"{total} found, {least} before")
            else:
                least = total
            done.wait(0.1)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield failed
    finally:
        done.set()
        thread.join()


def known(newsroom: Newsroom) -> dict[str, str]:
    """A digest of every document, by article."""
    ids = [one.id for one in newsroom.ledger.served(0, 10_000)]
    index = open_index(newsroom.settings)
    try:
        index.refresh()
        return index.digests(ids)
    finally:
        index.close()


def in_ledger(newsroom: Newsroom, ids: Any) -> dict[str, str]:
    """The same of the articles in the ledger: a replay from an earlier stage may raise their counters."""
    return {one.id: digest(one) for one in newsroom.ledger.articles(sorted(ids))}


def has_indexed(newsroom: Newsroom, count: int) -> bool:
    return newsroom.ledger.counts()["indexed"] >= count


def text_of(newsroom: Newsroom, ids: Any) -> dict[str, Any]:
    """What a reader sees of articles, without the counters that a replay may raise."""
    found = newsroom.ledger.articles(sorted(ids))
    return {
        one.id: (one.title, one.body, one.revision, one.duplicate_of, one.story_id, one.topics)
        for one in found
    }


def replay(newsroom: Newsroom, stage: Stage, until: int) -> int:
    """Put all that was accepted before a moment back to a stage; returns how many submissions."""
    spec, changed, after = ReplaySpec(stage, until=until), 0, 0
    while True:
        page = newsroom.ledger.replay(spec, after, 100, now_ms())
        changed += page.changed
        newsroom.wake(stage, "replay")
        if page.next is None:
            return changed
        after = page.next


def witness_grows(witness: Path) -> Any:
    return lambda: '"ack"' in witness.read_text("utf-8")


def on(kind: Kind, other: Kind) -> pytest.MarkDecorator:
    """On one kind in every run, on the other with `make faults`."""
    kinds = [kind, pytest.param(other, marks=pytest.mark.again)]
    return pytest.mark.parametrize("newsroom", kinds, indirect=True, ids=str, scope="module")


# First, while the past is no larger than it was made: what F22 leaves behind depends on how long it takes.
@on(SMALL, LARGER)
@pytest.mark.timeout(1_800)  # replay gives way to live news, the more the busier the machine
def test_f31_the_whole_past_replayed_beside_live_news_changes_nothing(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    before, past, witness = known(newsroom), now_ms(), tmp_path / "witness"
    texts = text_of(newsroom, before)
    # New items only, so that whatever changes of the old ones is the replay's doing.
    load = newsroom.load(witness, "--pure", rate=5, seed=31, first=100_000)
    until(witness_grows(witness), "live news")
    with searching(newsroom) as failed:
        for stage in STAGES:
            lived = newsroom.ledger.counts()["indexed"]
            assert replay(newsroom, stage, past) >= len(before), stage
            until(lambda: not waiting_in_replay(newsroom), f"the replay from {stage}", 400)
            until(partial(has_indexed, newsroom, lived + 20), "live news beside it", 60)
            assert text_of(newsroom, before) == texts, stage
            now = known(newsroom)
            found = {article_id: now.get(article_id) for article_id in before}
            assert found == (before if stage == "index" else in_ledger(newsroom, before)), stage
        load.stop()
        newsroom.await_all()
    assert not failed, failed[:3]
    assert text_of(newsroom, before) == texts
    sound(newsroom, witness)


@on(LARGER, SMALL)
def test_f22_a_new_index_takes_the_place_of_the_old_one_under_load(
    newsroom: Newsroom, sound: Any, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    index = open_index(newsroom.settings)
    load = newsroom.load(witness, rate=8, seed=22, first=900_000)
    until(witness_grows(witness), "live news")
    with searching(newsroom) as failed:
        name, after = index.begin_build(), 0
        while True:
            page = newsroom.ledger.refresh(after, 100, now_ms())
            newsroom.wake("index", "replay")
            if page.next is None:
                break
            after = page.next
        until(lambda: not waiting_in_replay(newsroom), "the build", 300)
        old = index.switch(now_ms())
        assert old != name
        assert index.building() is None
        load.stop()
        newsroom.await_all()
    index.close()
    assert not failed, failed[:3]
    sound(newsroom, witness)


def waiting_in_replay(newsroom: Newsroom) -> bool:
    return any(entry.lane == "replay" for entry in newsroom.ledger.backlog(now_ms()))
