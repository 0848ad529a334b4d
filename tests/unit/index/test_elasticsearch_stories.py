"""What the engine's answers say of folded stories, put into a page: exact, estimated, or incomplete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.article import Article, Source
from shared.index.document import story_key
from shared.index.elasticsearch_stories import are_countable, with_stories
from shared.index.port import FoldedStory, Hit, SearchPage
from shared.index.stories import EXACT_STORIES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ARTICLE = Article("a" * 32, Source("paper.example"), "Title", "Body", NOW, story_id="b" * 32)
PAGE = SearchPage(articles=9, groups=5, hits=(Hit(ARTICLE, 1.5),), engine_ms=2.0)


def answer(estimate: int) -> dict[str, Any]:
    return {"aggregations": {"stories": {"number": {"value": estimate}}}}


def told(page: dict[int, int], stories: tuple[int, int] | None = None, **said: Any) -> dict[str, Any]:
    """The second answer: ``stories`` are their number, and the documents of those beyond."""
    found: dict[str, Any] = {
        "page": {"buckets": [{"key": key, "doc_count": count} for key, count in page.items()]}
    }
    if stories:
        found["stories"] = {
            "number": {"count": stories[0]},
            "every": {"sum_other_doc_count": stories[1]},
        }
    return {"took": 3, "timed_out": False, "_shards": {"failed": 0}, "aggregations": found} | said


def test_the_exact_number_takes_the_place_of_the_estimate():
    page = with_stories(PAGE, answer(5), told({story_key(ARTICLE): 7}, (4, 0)))
    assert (page.articles, page.groups, page.groups_approximate) == (9, 4, False)
    assert page.hits == (Hit(ARTICLE, 1.5, FoldedStory("b" * 32, 7)),)
    assert (page.engine_ms, page.partial) == (5.0, False)


def test_more_stories_than_are_counted_are_an_estimate_and_marked():
    for estimate in (EXACT_STORIES - 100, EXACT_STORIES, EXACT_STORIES + 100):
        page = with_stories(PAGE, answer(estimate), told({}, (EXACT_STORIES, 1)))
        assert (page.groups, page.groups_approximate) == (max(estimate, EXACT_STORIES + 1), True)


def test_far_more_stories_are_not_counted_at_all():
    assert are_countable(answer(0))
    assert are_countable(answer(EXACT_STORIES + 500))  # the estimate may be that wrong
    assert not are_countable(answer(EXACT_STORIES * 2))
    page = with_stories(PAGE, answer(EXACT_STORIES * 2), told({story_key(ARTICLE): 2}))
    assert (page.groups, page.groups_approximate) == (EXACT_STORIES * 2, True)
    assert page.hits[0].story == FoldedStory("b" * 32, 2)
    assert with_stories(SearchPage(9, 5, (), 2.0), answer(EXACT_STORIES * 2), None).groups_approximate


def test_a_hit_that_went_before_it_was_counted_is_still_one_article():
    page = with_stories(PAGE, answer(1), told({}, (0, 0)))
    assert page.hits[0].story == FoldedStory("b" * 32, 1)


def test_a_count_that_ran_out_of_time_makes_the_page_partial():
    for said in ({"timed_out": True}, {"_shards": {"failed": 1}}):
        assert with_stories(PAGE, answer(1), told({}, (1, 0), **said)).partial
