"""The contract of writing: ids, changes, tombstones, outcomes, and what comes back."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.article import Amount, Article, Copy, Entity, Removed, Source, Tag
from shared.errors import IndexMissing, Unavailable
from shared.index.port import ArticleIndex
from tests.contract.index.conftest import MakeIndex
from tests.contract.index.corpus import NOW, article, ask, fill, matched, numbers


def words(index: ArticleIndex, *articles: Article) -> list[str]:
    outcomes = index.write(articles)
    assert [outcome.id for outcome in outcomes] == [one.id for one in articles]
    index.refresh()
    return [outcome.word for outcome in outcomes]


def test_an_article_comes_back_whole_but_for_the_lines_that_were_cut(index):
    full = Article(
        id="f" * 32,
        source=Source("example.com", "The Example", "example.com"),
        title='Œuvres <b>&amp;</b> "quotes" \u2028 東京',
        body="First line.\nSecond line with \U0001f4f0 and \x07.",
        ingested_at=NOW,
        uri="urn:example:1",
        url="https://example.com/1",
        canonical_url="https://example.com/one",
        summary="Short.",
        authors=("A Reporter", "Another Reporter"),
        language="en-GB",
        published_at=datetime(2026, 2, 1, 10, 30, 15, 123456, tzinfo=timezone(timedelta(hours=-5))),
        modified_at=datetime(1965, 2, 1, tzinfo=UTC),
        image_url="https://example.com/1.jpg",
        word_count=7,
        version=3,
        embargo_until=NOW - timedelta(days=3),
        expires_at=NOW + timedelta(days=3),
        source_keywords=("one", "two"),
        removed=(Removed("Share this", "share"),),
        topics=(Tag("medtop:20000344", "economy", 0.123456789, ("rate", "bank"), ("medtop:04000000",)),),
        entities=(Entity("Example Bank", "organisation", 2),),
        keywords=("rate",),
        amounts=(Amount("5 %", 5.0, "percent"),),
        revision=2,
        change=9,
        verdict="version",
        duplicate_of=None,
        similarity=0.75,
        story_id="e" * 32,
        rule="containment",
        passage="Second line with \U0001f4f0",
        published_from="meta",
        vocabulary="a1b2",
        copies=(Copy("d" * 32, "copy.example", "https://copy.example/1"), Copy("c" * 32, "third.example")),
        sort_key=-5,
        indexed_at=NOW,
    )
    said_by_default = {"duplicate_of", "pub_status", "is_lead", "withdrawn"}
    assert {one.name for one in fields(Article) if getattr(full, one.name) == one.default} == said_by_default
    fill(index, full)
    expected = replace(full, removed=())
    assert index.get([full.id], NOW) == [expected]
    assert [hit.article for hit in ask(index, "quotes").hits] == [expected]


def test_get_keeps_the_order_asked_and_leaves_out_what_is_missing_or_hidden(index):
    fill(index, article(1), article(2), article(3, pub_status="withheld"))
    asked = [article(number).id for number in (2, 9, 3, 1)]
    assert [one.id for one in index.get(asked, NOW)] == [article(2).id, article(1).id]
    assert index.get([], NOW) == []


def test_a_write_replaces_the_older_change_of_the_same_id(index):
    fill(index, article(1, "First words"))
    fill(index, article(1, "Second thoughts", change=2))
    assert index.count() == 1
    assert matched(index, "first") == set()
    assert matched(index, "second") == {1}


@pytest.mark.parametrize("change", [4, 5])
def test_an_equal_or_lower_change_is_stale_and_changes_nothing(index, change):
    fill(index, article(1, "Newest", change=5))
    assert words(index, article(1, "Late", change=change)) == ["stale"]
    assert (matched(index, "newest"), matched(index, "late")) == ({1}, set())


def test_changes_in_any_order_end_with_the_highest(index):
    versions = [article(1, f"Version{change}", change=change) for change in (2, 5, 1, 4, 3)]
    for version in versions:
        index.write([version])
    index.refresh()
    assert [one.change for one in index.get([article(1).id], NOW)] == [5]


def test_of_one_id_given_twice_in_a_batch_the_highest_change_wins(index):
    batch = [article(1, "Two", change=2), article(2), article(1, "Three", change=3), article(1, change=1)]
    assert words(index, *batch) == ["stale", "written", "written", "stale"]
    assert (matched(index, "three"), index.count()) == ({1}, 2)


def test_one_bad_article_does_not_keep_the_others_out(index):
    bad = article(2, "A lone \ud800 surrogate")
    far = article(3, sort_key=1 << 70)
    outcomes = index.write([article(1), bad, far, article(4)])
    index.refresh()
    assert [outcome.word for outcome in outcomes] == ["written", "refused", "refused", "written"]
    assert [bool(outcome.reason) for outcome in outcomes] == [False, True, True, False]
    assert matched(index) == {1, 4}


def test_a_refused_change_leaves_the_older_article_in_place(index):
    fill(index, article(1, "Still here"))
    assert words(index, article(1, "Bad \udfff", change=2)) == ["refused"]
    assert matched(index, "still") == {1}


def test_an_empty_batch_is_nothing(index):
    assert index.write([]) == []


def test_a_tombstone_is_never_found_again_and_keeps_its_change(index):
    fill(index, article(1, "Gone soon"))
    fill(index, article(1, "Gone soon", change=3, withdrawn=True))
    assert (matched(index, "gone"), index.get([article(1).id], NOW), index.count()) == (set(), [], 1)
    assert words(index, article(1, "Late", change=2)) == ["stale"]
    assert matched(index) == set()


def test_a_withdrawn_article_can_come_back_with_a_higher_change(index):
    fill(index, article(1, change=2, withdrawn=True))
    fill(index, article(1, "Released", change=3))
    assert matched(index, "released") == {1}


def test_what_one_process_writes_another_finds(index, make_index):
    reader = make_index()
    fill(index, article(1, "First"))
    assert matched(reader, "first") == {1}
    fill(index, article(2, "First"), article(1, "Other", change=2))
    reader.refresh()
    assert matched(reader, "first") == {2}


def test_what_was_written_outlives_the_process(index, make_index):
    fill(index, article(1, "Durable"))
    index.close()
    again = make_index()
    again.create()  # harmless: it keeps what is there
    assert matched(again, "durable") == {1}


def test_nothing_but_create_makes_an_index(make_index: MakeIndex):
    index = make_index()
    with pytest.raises(IndexMissing):
        index.check()
    with pytest.raises(IndexMissing):
        ask(index)
    with pytest.raises(IndexMissing):
        index.get([article(1).id], NOW)
    with pytest.raises(IndexMissing):
        index.write([article(1)])
    with pytest.raises(Unavailable):
        index.count()
    index.create()
    index.check()
    assert index.count() == 0


def test_threads_may_write_and_search_at_once(index):
    failed: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 5):
                index.write([article(number, "Shared")])
                ask(index, "shared")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index.refresh()
    assert not failed
    assert sorted(numbers(ask(index, "shared"))) == [*range(10, 15), *range(20, 25), *range(30, 35)]


def test_very_long_words_and_texts_are_taken(index):
    long = "x" * 40_000
    fill(index, article(1, long, f"{long} end {'東' * 20_000} {'a.' * 20_000}"))
    assert matched(index, "end") == {1}
    assert matched(index, "x" * 500) == {1}  # cut at the same length on both sides
