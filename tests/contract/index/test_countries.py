"""Sources by country, which no document says: each adapter finds what the definition of a country says."""

from __future__ import annotations

import random

import pytest

from shared.article import Article, Copy
from shared.countries import country_of
from shared.index.port import ArticleIndex, Filters, TimelineRequest
from shared.index.query import And, Keyword, Node, Not, Or
from tests.contract.index.corpus import NOW, article, ask, fill, is_folded, matched, numbers

ARTICLES = 100  # as many as a page has
SEARCHES = 200
# Beginnings of one another, and signs of expressions: sources told elsewhere are left out by their letters.
SOURCES = (
    "a.de", "ab.de", "abc.de", "abd.de", "b.de", "a-b.de", "axb.de", "x.co.uk", "x.gb", "y.co.uk", "a.com",
    "ade", "de", "a.fr", "coin.io", "the evening post", "post & co.de", "m\u00fcller news.de", "a.de.com",
)  # fmt: skip
TOLD = {"ab.de": "at", "abc.de": "at", "a-b.de": "us", "post & co.de": "us", "a.com": "us", "y.co.uk": "fr",
        "the evening post": "gb", "b.de": "de", "coin.io": "de"}  # fmt: skip
CODES = ("de", "gb", "us", "at", "fr", "io", "jp")
DUPLICATES = ("fold", "keep", "only")


def generated(number: int, chance: random.Random) -> Article:
    lead = chance.random() < 0.7
    copies = tuple(
        Copy(
            f"{n:032x}", chance.choice(SOURCES), verdict=chance.choice(("duplicate", "duplicate", "version"))
        )
        for n in range(chance.choice((0, 0, 1, 3)))
    )
    return article(
        number,
        source=chance.choice(SOURCES),
        is_lead=lead,
        verdict="new" if lead else "duplicate",
        copies=copies if lead else (),
    )


def countries(one: Article, told: dict[str, str], *, ran: bool) -> set[str]:
    """The countries of the source of an article; with ``ran`` also those of where its folded copies ran."""
    copies = [copy.source for copy in one.copies if copy.verdict == "duplicate"] if ran else []
    return {country_of(source, told) for source in (one.source.id, *copies)}


def holds(node: Node, one: Article, told: dict[str, str], *, fold: bool) -> bool:
    match node:
        case Keyword(value=value):
            return value in countries(one, told, ran=fold)
        case And(children):
            return all(holds(child, one, told, fold=fold) for child in children)
        case Or(children):
            return any(holds(child, one, told, fold=fold) for child in children)
    return not holds(node.child, one, told, fold=False)


def passes(filters: Filters, one: Article, told: dict[str, str], *, fold: bool) -> bool:
    wanted, unwanted = set(filters.country), set(filters.not_country)
    return (not wanted or bool(wanted & countries(one, told, ran=fold))) and not (
        unwanted & countries(one, told, ran=False)
    )


def generated_query(chance: random.Random) -> Node:
    one, other = (Keyword("country", chance.choice(CODES)) for _ in range(2))
    return chance.choice((one, Not(one), Or((one, other)), And((one, other)), And((one, Not(other)))))


def test_generated_searches_find_the_sources_of_the_countries_that_they_name(index):
    chance = random.Random(11)
    articles = [generated(number, chance) for number in range(ARTICLES)]
    fill(index, *articles)
    found_some = 0
    for _ in range(SEARCHES):
        # The setting changes, and the documents do not.
        told = dict(chance.sample(sorted(TOLD.items()), chance.randrange(len(TOLD) + 1)))
        names = {"country": (), "not_country": ()}
        names[chance.choice(tuple(names))] = tuple(chance.sample(CODES, chance.choice((1, 2))))
        filters = Filters(**names, source_countries=told)
        query = generated_query(chance) if chance.random() < 0.6 else None
        duplicates = chance.choice(DUPLICATES)
        fold = duplicates == "fold"
        wanted = {
            number
            for number, one in enumerate(articles)
            if passes(filters, one, told, fold=fold)
            and (query is None or holds(query, one, told, fold=fold))
            and (duplicates == "keep" or is_folded(one) == (duplicates == "only"))
        }
        page = ask(index, query, filters=filters, duplicates=duplicates)
        assert (set(numbers(page)), page.groups) == (wanted, len(wanted)), (query, filters, duplicates)
        found_some += bool(wanted)
    assert found_some > SEARCHES // 2  # else the comparison would say little


@pytest.mark.parametrize(
    ("told", "found"), [({}, {1}), ({"a.de": "at"}, {1}), ({"a.de": "at", "b.de": "at"}, set())]
)
def test_a_lead_is_found_by_the_country_of_one_copy_though_another_is_told_elsewhere(index, told, found):
    copies = (Copy(f"{2:032x}", "a.de"), Copy(f"{3:032x}", "b.de"))
    fill(index, article(1, source="a.com", copies=copies))
    assert matched(index, filters=Filters(country=("de",), source_countries=told)) == found
    assert matched(index, filters=Filters(not_country=("de",), source_countries=told)) == {1}


def test_a_timeline_counts_by_country_as_a_search_does(index: ArticleIndex):
    fill(index, article(1, source="a.de"), article(2, source="ab.de"), article(3, source="a.com"))
    filters = Filters(country=("at", "us"), source_countries=TOLD)
    assert matched(index, filters=filters) == {2, 3}
    assert count_of_timeline(index, filters) == 2


def count_of_timeline(index: ArticleIndex, filters: Filters) -> int:
    return index.timeline(TimelineRequest(NOW, filters=filters)).total
