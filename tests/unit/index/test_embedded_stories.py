"""Walking hits in order until a page of stories is full, on the embedded index."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.article import Article, Source
from shared.index import embedded_stories
from shared.index.embedded import EmbeddedIndex
from shared.index.port import SearchPage, SearchRequest
from shared.index.query import Word

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def article(number: int, story: int, title: str = "tie") -> Article:
    return Article(
        id=f"{number:032x}",
        source=Source("example.com"),
        title=title,
        body="",
        ingested_at=NOW,
        change=1,
        sort_key=number,
        story_id=f"{story:032x}",
    )


@pytest.fixture
def index(tmp_path):
    opened = EmbeddedIndex(tmp_path / "index", writing=True)
    opened.create()
    yield opened
    opened.close()


def ask(index: EmbeddedIndex, **given) -> SearchPage:
    return index.search(SearchRequest(NOW, **{"query": Word("tie"), "stories": "fold"} | given))


def keys(page: SearchPage) -> list[int]:
    return [hit.article.sort_key for hit in page.hits]


def test_a_story_far_larger_than_the_page_does_not_end_it(index):
    # 3,000 hits of one story come before those of the others, in every order.
    index.write([article(number, 9) for number in range(50, 3_050)])
    index.write([article(number, 100 + number, "a tie of several words") for number in range(20)])
    for sort in ("relevance", "newest"):
        page = ask(index, sort=sort, size=5)
        assert keys(page) == [3_049, 19, 18, 17, 16]
        assert [hit.story.articles for hit in page.hits] == [3_000, 1, 1, 1, 1]
        assert (page.groups, page.articles) == (21, 3_020)
    assert keys(ask(index, sort="oldest", size=3, offset=18)) == [18, 19, 50]


def test_equal_scores_are_folded_newest_first_however_long_the_walk(index):
    numbers = list(range(4_000))
    random.Random(1).shuffle(numbers)
    index.write([article(number, number // 4) for number in numbers])
    assert keys(ask(index, size=3)) == [3_999, 3_995, 3_991]
    assert keys(ask(index, size=3, offset=900)) == [399, 395, 391]
    assert ask(index, size=100, offset=950).groups == 1_000


def test_beyond_the_bound_for_ties_a_page_is_full_and_has_each_story_once(index, monkeypatch):
    monkeypatch.setattr(embedded_stories, "_MAX_TIED", 10)
    index.write([article(number, number // 4) for number in range(4_000)])
    page = ask(index, size=50)
    assert len({hit.story.id for hit in page.hits}) == 50
    assert page.groups == 1_000


def test_the_deepest_page_is_answered(index):
    index.write([article(number, number // 2) for number in range(24_000)])
    page = ask(index, sort="newest", size=100, offset=9_900)
    assert keys(page) == list(range(23_999 - 2 * 9_900, 23_999 - 2 * 10_000, -2))
    assert page.groups == 12_000
    assert not page.groups_approximate


def test_the_number_of_stories_is_the_same_on_every_page_exact_or_not(index, monkeypatch):
    monkeypatch.setattr(embedded_stories, "EXACT_STORIES", 1_000)
    index.write([article(number, number % 1_000) for number in range(3_000)])
    for sort, offset in (("newest", 0), ("newest", 950), ("relevance", 0), ("relevance", 999)):
        page = ask(index, sort=sort, offset=offset, size=10)
        assert (page.groups, page.groups_approximate) == (1_000, False)
    index.write([article(5_000, 5_000)])
    for sort, offset in (("newest", 0), ("newest", 990), ("relevance", 0), ("relevance", 1_000)):
        page = ask(index, sort=sort, offset=offset, size=10)
        assert page.groups_approximate
        assert 1_001 <= page.groups < 1_050
    index.write([article(number, number) for number in range(6_000, 9_000)])
    page = ask(index, size=1)
    assert page.groups_approximate
    assert page.groups == pytest.approx(4_001, rel=0.05)


def test_stories_are_told_apart_over_segments_and_deletions(index):
    for start in range(0, 60, 6):  # a commit each
        index.write([article(number, number % 4) for number in range(start, start + 6)])
    index.write([replace(article(n, n % 4), change=2, withdrawn=True) for n in range(30)])
    page = ask(index, sort="newest")
    assert keys(page) == [59, 58, 57, 56]
    assert [hit.story.articles for hit in page.hits] == [8, 8, 7, 7]
    assert (page.groups, page.articles) == (4, 30)
