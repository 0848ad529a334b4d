"""Tidying up an index: what is a day old goes, and nobody who searches or pushes notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.workers import upkeep
from services.workers.upkeep import tidy_index
from shared.article import Article, RawArticle
from shared.clock import from_ms, to_ms
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.port import ArticleIndex
from shared.ledger.keeping import PruneRule
from shared.settings import Settings
from tests.contract.index.corpus import NOW, article, fill, matched
from tests.contract.keeping_cases import DAY, Newsroom, piece

MOMENT = to_ms(NOW)


def tombstone(number: int, age: timedelta) -> Article:
    return article(number, change=2, withdrawn=True, expires_at=NOW - age)


def test_tombstones_older_than_a_day_go_in_batches_and_younger_ones_stay(index, monkeypatch):
    monkeypatch.setattr(upkeep, "BATCH", 2)
    day = timedelta(days=1)
    fill(index, *(tombstone(number, day + timedelta(minutes=number)) for number in range(1, 6)))
    fill(index, tombstone(6, day - timedelta(minutes=1)), tombstone(7, timedelta(0)), article(8))
    assert tidy_index(index, MOMENT) == "5 tombstones and 0 retired indices removed"
    index.refresh()
    assert index.changes([article(number).id for number in range(1, 9)]) == {
        article(6).id: 2,
        article(7).id: 2,
        article(8).id: 1,
    }
    assert (index.count(), matched(index)) == (3, {8})
    assert tidy_index(index, MOMENT) == "0 tombstones and 0 retired indices removed"


def test_tombstones_of_an_index_being_built_stay_and_do_not_hold_up_the_tidying(index):
    index.begin_build()
    fill(index, tombstone(1, timedelta(days=2)), article(2))
    assert tidy_index(index, MOMENT).startswith("1 tombstones")
    index.refresh()
    index.switch(MOMENT)
    assert tidy_index(index, MOMENT) == "1 tombstones and 0 retired indices removed"
    index.refresh()
    assert index.changes([article(1).id, article(2).id]) == {article(2).id: 1}


def test_retired_indices_go_after_a_day_and_not_before(index):
    first = index.begin_build()
    index.switch(MOMENT)
    fill(index, article(1))
    index.begin_build()
    fill(index, article(2))
    assert index.switch(MOMENT + 2) == first
    assert tidy_index(index, MOMENT + DAY) == "0 tombstones and 0 retired indices removed"
    assert tidy_index(index, MOMENT + DAY + 2) == "0 tombstones and 1 retired indices removed"
    assert index.drop_retired(MOMENT + 3) == [first]
    assert matched(index) == {2}


def test_searches_that_run_meanwhile_are_not_harmed(index, make_index):
    """Readers that opened the old index search on while it is switched, dropped and tidied."""
    steady = [article(number, "Steady") for number in range(20)]
    fill(index, *steady)
    readers = [make_index() for _ in range(2)]
    troubles: list[BaseException] = []
    searches = [0, 0]
    done = threading.Event()

    def search(place: int) -> None:
        try:
            while not done.wait(0.005):
                assert matched(readers[place], "steady") == set(range(20))
                assert len(readers[place].get([one.id for one in steady], NOW)) == 20
                searches[place] += 1
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=search, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(2):
            _rebuild(index, steady, turn)
            said = tidy_index(index, MOMENT + DAY)
            assert said == "10 tombstones and 1 retired indices removed"
            _wait_for_more(searches, troubles)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert troubles == []


def _rebuild(index: ArticleIndex, steady: list[Article], turn: int) -> None:
    """Put a new index in place, with tombstones in it; the old one was retired before ``MOMENT``."""
    index.begin_build()
    gone = range(1_000 * (turn + 1), 1_000 * (turn + 1) + 10)
    fill(index, *steady, *(tombstone(number, timedelta(minutes=1)) for number in gone))
    index.switch(MOMENT - 1)


def _wait_for_more(searches: list[int], troubles: list[BaseException]) -> None:
    before, end = list(searches), time.monotonic() + 60
    while not troubles and not all(new > old for new, old in zip(searches, before, strict=True)):
        assert time.monotonic() < end, "the searches stand still"
        time.sleep(0.01)


@dataclass
class IndexedNewsroom(Newsroom):
    """A newsroom whose documents go to a real index as well."""

    index: ArticleIndex | None = None

    def write(self, article: Article) -> None:
        super().write(article)
        assert self.index is not None
        assert {outcome.word for outcome in self.index.write([article])} <= {"written", "stale"}

    def find(self, *raws: RawArticle) -> list[str]:
        """The titles of those items that search can find now."""
        assert self.index is not None
        self.index.refresh()
        return [found.title for found in self.index.get([raw.id for raw in raws], from_ms(self.now))]


@pytest.fixture
def room(settings: Settings, index: ArticleIndex) -> Iterator[IndexedNewsroom]:
    made = IndexedNewsroom(settings, index=index)
    with closing(made.ledger):
        yield made


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_pruned_item_comes_back_after_its_tombstone_and_then_its_rows_went(room):
    room.push(piece(1, title="First"), piece(2, "Another text that stays where it is.", title="Second"))
    assert room.find(piece(1), piece(2)) == ["First", "Second"]
    room.ledger.prune(PruneRule("articles", room.now, source=piece(1).source.id), 0, 1, room.now)
    room.settle()
    assert room.find(piece(1), piece(2)) == ["Second"]
    assert set(room.index.changes([piece(1).id])) == {piece(1).id}, "a tombstone stands in for it"

    room.now += DAY + DAY // 2  # the index is tidied often, and the ledger buries half a day later
    assert tidy_index(room.index, room.now).startswith("1 tombstones")
    _forget_deletes(room.index)
    room.now += DAY
    assert room.ledger.bury(room.now, 10) == 1
    assert room.ledger.status(piece(1).id) is None

    room.push(piece(1, title="Back"))
    assert room.article(piece(1)).change < 3, "it began anew"
    assert room.find(piece(1), piece(2)) == ["Back", "Second"]


def _forget_deletes(index: ArticleIndex) -> None:
    """Let Elasticsearch forget the changes of what was deleted, as it does by itself after a minute."""
    if isinstance(index, ElasticsearchIndex):
        index._client.indices.put_settings(index=index._alias, settings={"index.gc_deletes": "1ms"})
        time.sleep(2)  # its clock ticks every 200 ms or, under load, later; it forgets what lies a tick back
        index._client.indices.refresh(index=index._alias)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tidied", ["before", "after", "never"])
def test_a_pruned_item_comes_back_whatever_became_of_its_tombstone(room, tidied):
    """Pushed again before its rows were buried, it goes on counting changes."""
    room.push(piece(1, title="First"))
    room.ledger.prune(PruneRule("articles", room.now), 0, 10, room.now)
    room.settle()
    room.now += DAY + 1_000
    room.index.refresh()
    if tidied == "before":
        assert tidy_index(room.index, room.now).startswith("1 tombstones")
    room.push(piece(1, title="Back"))
    if tidied == "after":
        room.index.refresh()
        assert tidy_index(room.index, room.now).startswith("0 tombstones")
    assert room.find(piece(1)) == ["Back"]
    room.check()
