"""The contract of folding by story: one hit each, the same order and numbers on every engine."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy
from shared.index.document import story_of
from shared.index.port import Filters, FoldedStory
from shared.index.stories import EXACT_STORIES
from tests.contract.index.corpus import NOW, article, ask, fill, is_folded, is_visible, numbers


def story(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture
def told(index):
    """Story 1: two leads and a copy. Story 4: one lead. Number 6 is of no story known, 7 is withheld."""
    fill(
        index,
        article(1, "Rates rise", story_id=story(1), source="a.com", copies=(Copy(story(2), "b.com"),)),
        article(
            2,
            "Rates rise",
            story_id=story(1),
            source="b.com",
            is_lead=False,
            verdict="duplicate",
            duplicate_of=story(1),
        ),
        article(3, "Rates rise rates", "rates", story_id=story(1), source="c.com"),
        article(4, "A storm and rates", story_id=story(4), source="a.com"),
        article(
            5,
            "A storm",
            story_id=story(4),
            source="c.com",
            is_lead=False,
            verdict="duplicate",
            duplicate_of=story(4),
        ),
        article(6, "Rates"),
        article(7, "Rates", story_id=story(1), pub_status="withheld"),
    )
    return index


FOLDED = [
    # query, duplicates, sort: the hits with how many articles of their stories matched
    ("", "fold", "newest", [(6, 1), (4, 2), (3, 3)]),
    ("", "fold", "oldest", [(1, 3), (4, 2), (6, 1)]),
    ("", "keep", "newest", [(6, 1), (5, 2), (3, 3)]),
    ("", "keep", "oldest", [(1, 3), (4, 2), (6, 1)]),
    ("", "only", "newest", [(5, 1), (2, 1)]),
    ("rates", "fold", "newest", [(6, 1), (4, 1), (3, 3)]),
    ("rates", "keep", "oldest", [(1, 3), (4, 1), (6, 1)]),
    ("rates", "only", "newest", [(2, 1)]),
    ("storm", "fold", "relevance", [(4, 2)]),
    ("source:b.com", "fold", "newest", [(1, 2)]),  # a lead is found where its copy ran
    ("source:b.com", "keep", "newest", [(2, 1)]),
    ("source:c.com", "fold", "newest", [(3, 1)]),  # number 5 is a copy of what did not match
    ("nowhere", "fold", "relevance", []),
]


@pytest.mark.parametrize(("query", "duplicates", "sort", "expected"), FOLDED)
def test_a_story_is_one_hit_and_says_how_many_of_it_matched(told, query, duplicates, sort, expected):
    page = ask(told, query, stories="fold", duplicates=duplicates, sort=sort)
    found = [(int(hit.article.id, 16), hit.story.articles) for hit in page.hits]
    assert found == expected
    assert (page.groups, page.groups_approximate) == (len(expected), False)
    assert page.articles == ask(told, query, duplicates=duplicates, sort=sort).articles
    assert [hit.story.id for hit in page.hits] == [story_of(hit.article) for hit in page.hits]


def test_the_hit_of_a_story_is_its_best_by_relevance(told):
    page = ask(told, "rates", stories="fold")
    kept = numbers(ask(told, "rates"))
    assert numbers(page) == [one for one in kept if one != 1]  # number 3 says it more often
    assert [hit.score for hit in page.hits] == sorted((hit.score for hit in page.hits), reverse=True)
    assert page.hits[0].score == pytest.approx(ask(told, "rates").hits[0].score)


def test_unless_stories_are_folded_no_hit_tells_of_one(told):
    page = ask(told)
    assert [hit.story for hit in page.hits] == [None] * 4
    assert not page.groups_approximate


def test_an_article_of_no_story_is_a_story_by_itself(told):
    fill(told, article(8), article(9))
    page = ask(told, stories="fold")
    assert [hit.story for hit in page.hits[:2]] == [FoldedStory(story(9), 1), FoldedStory(story(8), 1)]
    assert page.groups == 5


STORY_FILTERS = [
    (Filters(story=(story(1),)), "keep", {1, 2, 3}),
    (Filters(story=(story(1),)), "fold", {1, 3}),
    (Filters(story=(story(1), story(4))), "only", {2, 5}),
    (Filters(story=(story(4).upper(),)), "keep", {4, 5}),
    (Filters(story=(story(6),)), "keep", {6}),
    (Filters(story=("f" * 32,)), "keep", set()),
    (Filters(not_story=(story(1),)), "keep", {4, 5, 6}),
    (Filters(not_story=(story(1), story(6))), "fold", {4}),
    (Filters(story=(story(1),), not_story=(story(1),)), "keep", set()),
    (Filters(story=(story(1),), source=("c.com",)), "keep", {3}),
]


@pytest.mark.parametrize(("filters", "duplicates", "expected"), STORY_FILTERS)
def test_a_story_can_be_asked_for_and_left_out(told, filters, duplicates, expected):
    page = ask(told, filters=filters, duplicates=duplicates)
    assert set(numbers(page)) == expected
    folded = ask(told, filters=filters, duplicates=duplicates, stories="fold")
    assert folded.groups == len({hit.story.id for hit in folded.hits}) == len(folded.hits)
    assert set(numbers(folded)) <= expected


def test_a_story_follows_its_articles_and_goes_with_them(told):
    fill(told, article(3, "Rates rise", story_id=story(4), change=2))
    page = ask(told, stories="fold", sort="oldest")
    assert [(int(hit.article.id, 16), hit.story.articles) for hit in page.hits] == [(1, 2), (3, 3), (6, 1)]
    fill(told, article(1, withdrawn=True, change=2), article(2, withdrawn=True, change=2))
    page = ask(told, stories="fold", sort="oldest")
    assert [(int(hit.article.id, 16), hit.story.articles) for hit in page.hits] == [(3, 3), (6, 1)]


SIZES = [1, 1, 1, 2, 3, 5, 8, 40]


def made(chance: random.Random, count: int):
    """Articles of stories of very different sizes; many score the same."""
    stories = [one for one in range(count // 4) for _ in range(chance.choice(SIZES))]
    chance.shuffle(stories)
    return [
        article(
            number,
            " ".join(["rates"] * chance.choice((0, 1, 1, 2))) or "none",
            "word " * chance.choice((1, 1, 5)),
            story_id=chance.choice((story(of), story(of), None)),
            is_lead=(lead := chance.random() < 0.7),
            verdict="new" if lead else chance.choice(("duplicate", "duplicate", "version", "excerpt")),
            source=chance.choice(("a.com", "b.com")),
            sort_key=chance.randrange(1 << 40) * 1_000 + number,
            pub_status=chance.choice(("usable",) * 9 + ("withheld",)),
            expires_at=chance.choice((None,) * 9 + (NOW - timedelta(hours=1),)),
        )
        for number, of in enumerate(stories)
    ]


def first_of_each(page, articles):
    """What is left of a whole order when each story keeps its first, told without any engine."""
    firsts = {}
    for number in page:
        firsts.setdefault(story_of(articles[number]), number)
    return list(firsts.values())


def test_folding_takes_out_of_the_order_all_but_the_first_of_each_story(index):
    chance = random.Random(11)
    articles = made(chance, 120)
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::5]))  # with deletions underneath
    visible = {number for number, one in enumerate(articles) if is_visible(one, NOW)}
    for query in ("", "rates OR word", "source:a.com"):
        for duplicates in ("fold", "keep", "only"):
            for sort in ("relevance", "newest", "oldest"):
                given = {"duplicates": duplicates, "sort": sort}
                whole = everything(index, query, **given)
                expected = first_of_each(whole, articles)
                page = ask(index, query, stories="fold", **given)
                label = f"{query} {given}"
                assert numbers(page) == expected[:100], label
                assert page.groups == len(expected), label
                assert everything(index, query, stories="fold", size=20, **given) == expected, label
                matched = everything(index, query, **given | {"duplicates": "keep"})
                if duplicates == "only":
                    matched = [number for number in matched if is_folded(articles[number])]
                assert set(matched) <= visible
                sizes = Counter(story_of(articles[number]) for number in matched)
                assert [hit.story.articles for hit in page.hits] == [sizes[hit.story.id] for hit in page.hits]


def everything(index, query, size=100, **given):
    """The numbers of all hits, page by page."""
    found: list[int] = []
    while True:
        page = numbers(ask(index, query, size=size, offset=len(found), **given))
        found += page
        if len(page) < size:
            return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stories_are_counted_exactly_up_to_forty_thousand_and_marked_beyond(index):
    for start in range(0, EXACT_STORIES, 5_000):
        fill(index, *(article(number, "Rates", "") for number in range(start, start + 5_000)))
    fill(index, *(article(EXACT_STORIES + n, "Rates", "", story_id=story(n)) for n in range(100)))
    for given in ({"sort": "newest"}, {"query": "rates"}, {"size": 0}, {"sort": "oldest", "offset": 9_900}):
        page = ask(index, stories="fold", **given)
        assert (page.groups, page.groups_approximate) == (EXACT_STORIES, False)
        assert page.articles == EXACT_STORIES + 100
    fill(index, article(1_000_000, "Rates", ""))
    page = ask(index, stories="fold", sort="newest", size=1)
    assert (numbers(page), page.groups_approximate) == ([1_000_000], True)
    assert EXACT_STORIES < page.groups < EXACT_STORIES * 1.05
    assert [hit.story.articles for hit in page.hits] == [1]


def test_ties_of_many_articles_are_folded_newest_first(index):
    articles = [article(number, "The same", "title", story_id=story(number % 300)) for number in range(1_500)]
    random.Random(2).shuffle(articles)
    for start in range(0, len(articles), 500):
        fill(index, *articles[start : start + 500])
    page = ask(index, "same", stories="fold", size=50)
    assert numbers(page) == list(range(1_499, 1_449, -1))
    assert numbers(ask(index, "same", stories="fold", size=50, offset=250)) == list(range(1_249, 1_199, -1))
    assert numbers(ask(index, "same", stories="fold", size=50, offset=300)) == []
    assert {hit.story.articles for hit in page.hits} == {5}
    assert (page.groups, page.articles) == (300, 1_500)


def test_numbers_are_there_without_any_hit(told):
    for offset in (0, 2, 9_000):
        page = ask(told, stories="fold", size=0, offset=offset)
        assert (page.hits, page.groups, page.articles, page.groups_approximate) == ((), 3, 6, False)
    page = ask(told, stories="fold", size=100, offset=9_900)
    assert (page.hits, page.groups) == ((), 3)
