"""Filters and their negative twins: each adapter lets through what the filter's definition says."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy, Entity, Source
from shared.index.port import Filters
from tests.contract.index.corpus import NOW, article, ask, fill, matched, numbers
from tests.contract.index.facts import WORDS, generated, generated_filters, matches

ARTICLES = 150
SEARCHES = 200


def test_generated_filters_let_through_what_their_definition_says(index):
    chance = random.Random(7)
    articles = [generated(number, chance) for number in range(ARTICLES)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    found_some = 0
    for _ in range(SEARCHES):
        filters, duplicates = generated_filters(chance), chance.choice(("fold", "keep", "only"))
        word = chance.choice((*WORDS, "", "", ""))
        page = ask(index, word, filters=filters, duplicates=duplicates)
        wanted = matches(articles, filters, duplicates, word)
        assert (set(numbers(page)), page.groups) == (wanted, len(wanted)), (filters, duplicates, word)
        found_some += bool(wanted)
    assert found_some > SEARCHES // 2  # else the comparison would say little


def test_a_domain_has_the_hosts_below_it_and_no_lookalikes(index):
    urls = ("https://www.example.com/1", "http://news.example.com:8080/2", "https://notexample.com/3")
    fill(index, *(article(number, url=url, source=f"s{number}") for number, url in enumerate(urls, 1)))
    assert matched(index, filters=Filters(domain=("EXAMPLE.com",))) == {1, 2}
    assert matched(index, filters=Filters(domain=("news.example.com",))) == {2}
    assert matched(index, filters=Filters(not_domain=("example.com",))) == {3}


def test_without_a_url_the_domain_is_that_of_the_source(index):
    fill(
        index,
        article(1, source=Source("reuters", domain="reuters.com")),
        article(2, source="uk.reuters.com"),
        article(3, source="reuters"),
    )
    assert matched(index, filters=Filters(domain=("reuters.com",))) == {1, 2}


@pytest.mark.parametrize(("name", "value"), [("source", "b.com"), ("domain", "b.com")])
def test_a_lead_is_found_where_its_copy_ran_but_is_left_out_for_its_own_place_alone(index, name, value):
    copies = (
        Copy(f"{2:032x}", "b.com", "https://www.b.com/x"),
        Copy(f"{3:032x}", "c.com", verdict="version"),
    )
    fill(
        index,
        article(1, source="a.com", url="https://a.com/x", copies=copies),
        article(2, source="b.com", url="https://b.com/x", is_lead=False, verdict="duplicate"),
    )
    assert matched(index, filters=Filters(**{name: (value,)})) == {1}
    assert matched(index, filters=Filters(**{name: ("c.com",)})) == set()
    assert matched(index, filters=Filters(**{name: (value,)}), duplicates="keep") == {2}
    assert matched(index, filters=Filters(**{f"not_{name}": (value,)})) == {1}
    assert matched(index, filters=Filters(**{f"not_{name}": ("a.com",)}), duplicates="keep") == {2}


@pytest.mark.parametrize("asked", ["Peña Nieto", "PENA  nieto", "pena nieto", "Pen\u0303a Nieto"])
def test_names_are_found_whatever_their_case_and_accents_but_as_a_whole(index, asked):
    fill(
        index,
        article(1, entities=(Entity("Peña Nieto", "person"),)),
        article(2, authors=("PENA NIETO",)),
        article(3, entities=(Entity("Enrique Peña Nieto", "person"),), authors=("Peña",)),
    )
    assert matched(index, filters=Filters(entity=(asked,))) == {1}
    assert matched(index, filters=Filters(author=(asked,))) == {2}
    assert matched(index, filters=Filters(not_entity=(asked,), not_author=(asked,))) == {3}


def test_bounds_are_included_and_what_has_no_moment_is_out(index):
    hour = timedelta(hours=1)
    fill(
        index,
        article(1, word_count=10, indexed_at=NOW - hour),
        article(2, word_count=20, indexed_at=NOW - 2 * hour),
        article(3, word_count=30),
    )
    assert matched(index, filters=Filters(min_words=20)) == {2, 3}
    assert matched(index, filters=Filters(max_words=20)) == {1, 2}
    assert matched(index, filters=Filters(min_words=20, max_words=20)) == {2}
    assert matched(index, filters=Filters(indexed_since=NOW - hour)) == {1}
    assert matched(index, filters=Filters(indexed_since=NOW - 2 * hour)) == {1, 2}


def test_articles_with_and_without_an_image_are_told_apart(index):
    fill(index, article(1, image_url="https://a.com/i.png"), article(2))
    assert matched(index, filters=Filters(has_image=True)) == {1}
    assert matched(index, filters=Filters(has_image=False)) == {2}
    assert matched(index) == {1, 2}
