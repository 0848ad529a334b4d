"""Relevance favours news: by the same steps on every adapter, and never against a much better text."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

from shared.index.parser import parse_query
from shared.index.port import Filters, SearchRequest
from tests.contract.index.corpus import NOW, article, ask, fill, numbers

# By the formula of BM25 "rates" scores 5.25 in two of ten articles that all read as here; a step adds 1.
WEIGHT = 1 / 5.25


def aged(number: int, days: float, title: str = "Rates", body: str = "rates went up"):
    return article(number, title, body, published_at=NOW - timedelta(days=days))


def test_of_articles_that_fit_alike_those_of_a_day_a_week_and_a_month_come_first(index):
    fill(index, *(aged(number, days) for number, days in enumerate((31, 40, 29, 8, 6, 2, 0.9, 0.1))))
    page = ask(index, "rates")
    # Within a step by ``sort_key``, which is here the number.
    assert numbers(page) == [7, 6, 5, 4, 3, 2, 1, 0]
    old, month, week, day = (
        next(hit.score for hit in page.hits if int(hit.article.id, 16) == number) for number in (0, 2, 5, 7)
    )
    assert month - old == pytest.approx(week - month, rel=1e-4) == pytest.approx(day - week, rel=1e-4)
    assert len({hit.score for hit in page.hits}) == 4


@pytest.mark.parametrize("days", [1, 7, 30])
def test_the_end_of_a_step_is_included(index, days):
    late = timedelta(milliseconds=1)
    at = NOW - timedelta(days=days)
    fill(index, article(1, "Rates", published_at=at), article(2, "Rates", published_at=at - late))
    first, second = ask(index, "rates").hits
    assert int(first.article.id, 16) == 1
    assert first.score > second.score


def test_what_has_no_date_is_not_favoured_and_what_lies_ahead_is(index):
    fill(index, aged(1, 40), article(2, "Rates", "rates went up", published_at=None), aged(3, -0.01))
    page = ask(index, "rates")
    assert numbers(page) == [3, 2, 1]
    assert page.hits[1].score == page.hits[2].score < page.hits[0].score


def test_a_step_weighs_the_same_against_the_text_on_every_adapter(index):
    fill(index, aged(1, 40), aged(2, 8), *(article(number) for number in range(3, 11)))
    fresh, old = ask(index, "rates").hits
    assert (fresh.score - old.score) / old.score == pytest.approx(WEIGHT, rel=1e-3)


def test_an_old_text_that_fits_much_better_stays_before_the_news(index):
    rare = aged(1, 400, "Kittiwakes", "Kittiwakes, and kittiwakes again.")
    passing = aged(2, 0.1, "Weather", "It rained, and a kittiwake was seen; " + "many other words " * 30)
    fill(index, rare, passing, *(aged(number, 0.1, "Weather", "It rained.") for number in range(3, 200)))
    assert numbers(ask(index, "kittiwakes")) == [1, 2]


def test_a_walk_favours_as_the_pages_do_and_by_its_own_now(index):
    chance = random.Random(37)
    fill(index, *(aged(number, chance.choice((0.5, 5, 20, 60))) for number in range(40)))
    asked = SearchRequest(NOW, parse_query("rates"), size=7)
    step, walked = index.walk(asked, None, NOW), []
    while True:
        walked += [(hit.article.id, hit.score) for hit in step.page.hits]
        if step.mark is None:
            break
        step = index.walk(asked, step.mark, NOW + timedelta(hours=20))  # `now` of the request counts
    assert walked == [(hit.article.id, hit.score) for hit in ask(index, "rates").hits]


def test_what_is_found_is_the_same_with_and_without_a_favour(index):
    chance = random.Random(31)
    fill(index, *(aged(number, chance.choice((0.5, 5, 20, 60))) for number in range(40)))
    ranked, dated = ask(index, "rates"), ask(index, "rates", sort="newest")
    assert set(numbers(ranked)) == set(numbers(dated)) == set(range(40))
    assert (ranked.groups, ranked.articles) == (40, 40)
    none = ask(index, "rates", filters=Filters(end=datetime(2020, 1, 1, tzinfo=NOW.tzinfo)))
    assert none.groups == 0
    stories = ask(index, "rates", stories="fold")
    assert numbers(stories) == numbers(ranked)
