"""The contract of building one index beside another: both are written, one step swaps them, none is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.clock import to_ms
from shared.errors import IndexMissing
from shared.index.document import digest
from shared.index.port import ArticleIndex
from tests.contract.index.corpus import NOW, article, fill, matched

MOMENT = to_ms(NOW)


def words(index: ArticleIndex, *articles) -> list[str]:
    outcomes = index.write(articles)
    assert [outcome.id for outcome in outcomes] == [one.id for one in articles]
    index.refresh()
    return [outcome.word for outcome in outcomes]


def test_a_build_begins_empty_and_is_known_to_every_process(index, make_index):
    fill(index, article(1, "Before"))
    other = make_index()
    assert (index.building(), other.building()) == (None, None)
    name = index.begin_build()
    assert (index.building(), other.building()) == (name, name)
    assert (index.count(build=True), other.count()) == (0, 1)
    assert matched(other, "before") == {1}


def test_beginning_again_goes_on_with_the_same_build(index, make_index):
    name = index.begin_build()
    fill(index, article(1))
    other = make_index()
    assert (other.begin_build(), other.count(build=True)) == (name, 1)


def test_processes_that_begin_at_once_make_one_build(index, make_index):
    several = [make_index() for _ in range(6)]
    with ThreadPoolExecutor(len(several)) as pool:
        names = list(pool.map(lambda one: one.begin_build(), several))
    assert len(set(names)) == 1
    assert index.building() == names[0]


def test_without_a_build_there_is_nothing_to_ask_or_switch(index):
    for call in (
        lambda: index.switch(MOMENT),
        lambda: index.count(build=True),
        lambda: index.changes([article(1).id], build=True),
        lambda: index.digests([article(1).id], build=True),
    ):
        with pytest.raises(IndexMissing):
            call()
    index.abandon_build()
    index.check()


def test_writes_of_a_process_that_knew_no_build_go_to_both_from_then_on(index, make_index):
    fill(index, article(1))
    make_index().begin_build()
    assert words(index, article(2), article(3)) == ["written", "written"]
    ids = [article(number).id for number in (1, 2, 3)]
    assert index.changes(ids) == dict.fromkeys(ids, 1)
    assert index.changes(ids, build=True) == dict.fromkeys(ids[1:], 1)


def test_a_batch_read_before_the_build_began_is_made_good_by_the_refresh_that_follows(index, make_index):
    """The order that a reindex stands on: a claim, the build's beginning, its late write, the refresh."""
    late = article(1, "Claimed early", change=2)
    other = make_index()
    name = other.begin_build()  # the writer has its articles already, and looks for a build only now
    assert words(index, late) == ["written"]
    assert index.changes([late.id], build=True) == {late.id: 2}
    assert index.building() == name
    unseen = article(2, "Written before", change=4)
    index.abandon_build()
    fill(index, unseen)  # a writer that looked before there was a build: only in the old one
    index.begin_build()
    assert index.changes([unseen.id], build=True) == {}
    assert words(index, late, unseen) == ["written", "written"]  # the refresh: the same changes again
    assert index.changes([late.id, unseen.id], build=True) == {late.id: 2, unseen.id: 4}


def test_an_article_that_only_one_of_the_two_lacks_is_written(index):
    fill(index, article(1, change=3))
    index.begin_build()
    assert words(index, article(1, change=3)) == ["written"]
    assert words(index, article(1, change=3)) == ["stale"]
    assert words(index, article(1, change=2)) == ["stale"]
    assert index.changes([article(1).id], build=True) == {article(1).id: 3}


def test_what_is_refused_is_refused_while_a_build_is_on(index):
    index.begin_build()
    assert words(index, article(1), article(2, "A lone \ud800 surrogate"), article(3)) == [
        "written",
        "refused",
        "written",
    ]
    assert (index.count(), index.count(build=True)) == (2, 2)


def test_switching_shows_the_built_index_to_every_process_and_ends_the_build(index, make_index):
    fill(index, article(1, "Only old"))
    reader = make_index()
    assert matched(reader, "old") == {1}
    built = index.begin_build()
    fill(index, article(2, "In both"))
    old = index.switch(MOMENT)
    assert old != built
    assert (matched(reader, "old"), matched(reader, "both")) == (set(), {2})
    assert (index.building(), reader.count()) == (None, 1)
    fill(index, article(3, "After"))
    assert matched(reader, "after") == {3}
    with pytest.raises(IndexMissing):
        index.switch(MOMENT)


def test_a_writer_of_an_abandoned_build_writes_to_the_next(index, make_index):
    other = make_index()
    other.begin_build()
    fill(index, article(1))
    other.abandon_build()
    other.begin_build()
    fill(index, article(2), article(3))
    assert set(index.changes([article(number).id for number in (1, 2, 3)], build=True)) == {
        article(2).id,
        article(3).id,
    }
    assert (other.count(), other.count(build=True)) == (3, 2)


def test_the_next_build_is_another_one(index):
    first = index.begin_build()
    index.switch(MOMENT)
    assert index.begin_build() != first
    fill(index, article(1))
    assert index.switch(MOMENT) == first


def test_abandoning_drops_the_build_and_keeps_what_is_in_use(index, make_index):
    name = index.begin_build()
    fill(index, article(1, "Kept"))
    make_index().abandon_build()
    assert index.building() is None
    assert words(index, article(2, "Kept too")) == ["written"]
    assert matched(index, "kept") == {1, 2}
    assert index.begin_build() >= name
    assert index.count(build=True) == 0


def test_the_old_index_is_dropped_only_once_it_was_retired_long_enough_ago(index):
    fill(index, article(1))
    index.begin_build()
    fill(index, article(2))
    old = index.switch(MOMENT)
    assert index.drop_retired(MOMENT) == []
    fill(index, article(3))
    assert index.drop_retired(MOMENT + 1) == [old]
    assert index.drop_retired(MOMENT + 1) == []
    index.refresh()
    assert matched(index) == {2, 3}


def test_what_is_in_use_or_being_built_is_never_dropped(index):
    index.begin_build()
    assert index.drop_retired(MOMENT * 2) == []
    fill(index, article(1))
    assert (index.count(), index.count(build=True)) == (1, 1)


def test_create_after_a_switch_changes_nothing(index, make_index):
    index.begin_build()
    fill(index, article(1, "Built"))
    index.switch(MOMENT)
    make_index().create()
    assert matched(index, "built") == {1}


def test_changes_and_digests_tell_what_is_stored_whether_visible_or_not(index):
    given = [article(1, change=5), article(2, pub_status="withheld"), article(3, change=7, withdrawn=True)]
    fill(index, *given)
    ids = [article(number).id for number in (3, 1, 9, 2)]
    assert index.changes(ids) == {given[0].id: 5, given[1].id: 1, given[2].id: 7}
    assert index.digests(ids) == {one.id: digest(one) for one in given}
    assert (index.changes([]), index.digests([])) == ({}, {})


def test_a_digest_minds_everything_but_the_time_of_indexing(index):
    one = article(1, "Same", indexed_at=NOW)
    fill(index, one)
    stored = index.digests([one.id])[one.id]
    assert stored == digest(replace(one, indexed_at=NOW + timedelta(hours=1)))
    assert stored != digest(replace(one, keywords=("new",)))


def test_tombstones_are_removed_once_they_are_old_enough_and_only_up_to_the_limit(index):
    day = timedelta(days=1)
    fill(
        index,
        article(1, withdrawn=True, change=2, expires_at=NOW - 2 * day),
        article(2, withdrawn=True, change=2, expires_at=NOW - 3 * day),
        article(3, withdrawn=True, change=2, expires_at=NOW - day),
        article(4, expires_at=NOW - 4 * day),  # expired, and no tombstone
        article(5),
    )
    before = to_ms(NOW - day)
    assert [index.remove_tombstones(before, 1) for _ in range(3)] == [1, 1, 0]
    assert set(index.changes([article(number).id for number in range(1, 6)])) == {
        article(number).id for number in (3, 4, 5)
    }


def test_an_item_may_come_back_with_its_next_change_right_after_its_tombstone_went(index):
    fill(index, article(1, withdrawn=True, change=2, expires_at=NOW - timedelta(days=2)))
    assert index.remove_tombstones(MOMENT, 10) == 1
    assert words(index, article(1, "Back", change=3)) == ["written"]
    assert matched(index, "back") == {1}


def test_a_tombstone_that_came_back_meanwhile_is_no_tombstone(index):
    fill(index, article(1, withdrawn=True, change=2, expires_at=NOW - timedelta(days=2)))
    fill(index, article(1, "Back", change=3))
    assert index.remove_tombstones(MOMENT, 10) == 0
    assert matched(index, "back") == {1}


def test_no_search_fails_and_no_write_is_lost_while_indices_are_switched(index, make_index):
    """A writer and a searcher go on while another process builds and switches three times."""
    known = [article(number, "Steady") for number in range(20)]
    fill(index, *known)
    done, troubles, ledger = threading.Event(), [], list(known)
    reader = make_index()

    def search() -> None:
        while not done.is_set():
            try:
                assert matched(reader, "steady") == set(range(20))
            except BaseException as error:
                troubles.append(error)

    def write() -> None:
        number = 100
        while not done.is_set():
            try:
                one = article(number, "Fresh")
                ledger.append(one)  # known before any writer claims it
                assert {outcome.word for outcome in index.write([one])} <= {"written", "stale"}
                number += 1
            except BaseException as error:
                troubles.append(error)

    threads = [threading.Thread(target=search), threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    other = make_index()
    try:
        for _ in range(3):
            other.begin_build()
            refreshed = list(ledger)
            for start in range(0, len(refreshed), 10):
                index.write(refreshed[start : start + 10])
            other.switch(MOMENT)
            index.refresh()
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert troubles == []
    assert index.changes([one.id for one in ledger]) == {one.id: 1 for one in ledger}
    assert len(ledger) > len(known)
