"""Facets: the count of a value is the total of the search that is filtered by it, on every adapter."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import replace
from typing import get_args

import httpx
import pytest

from shared.article import Copy
from shared.errors import InvalidRequest
from shared.index import dsl_facets, embedded_facets
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.port import FacetCount, FacetName, Filters
from tests.contract.index.corpus import article, ask, fill
from tests.contract.index.facts import WORDS, generated, generated_filters, matches, values_of

ARTICLES = 150
SEARCHES = 60
NAMES = get_args(FacetName)


def without(filters: Filters, name: str) -> Filters:
    return replace(filters, **{name: (), f"not_{name}": ()})


def counted(articles, name, filters, duplicates, word, size) -> tuple[FacetCount, ...]:
    """A facet by definition: every value of what matches without the facet's own filter."""
    found = matches(articles, without(filters, name), duplicates, word)
    ran = duplicates == "fold"
    counts = Counter(value for number in found for value in values_of(name, articles[number], ran=ran))
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple(FacetCount(value, count) for value, count in ranked[:size])


@pytest.fixture(scope="module")
def articles(shared_index):
    """What is in the shared index."""
    chance = random.Random(11)
    made = [generated(number, chance) for number in range(ARTICLES)]
    fill(shared_index, *made)
    fill(shared_index, *(replace(one, change=2) for one in made[::7]))  # rewritten, with deletions underneath
    return made


def test_facets_of_generated_searches_are_what_their_definition_says(shared_index, articles):
    chance = random.Random(13)
    for _ in range(SEARCHES):
        filters, duplicates = generated_filters(chance), chance.choice(("fold", "fold", "keep", "only"))
        word, size = chance.choice((*WORDS, "", "")), chance.choice((1, 3, 100))
        names = tuple(chance.sample(NAMES, 4))
        asked = {"filters": filters, "duplicates": duplicates, "size": chance.choice((0, 100))}
        page = ask(shared_index, word, facets=names, facet_size=size, **asked)
        wanted = {name: counted(articles, name, filters, duplicates, word, size) for name in names}
        assert (page.facets, page.facets_approximate) == (wanted, ()), (filters, duplicates, word)
        assert tuple(page.facets) == names
        # What is counted beside them changes neither hits nor totals.
        plain = ask(shared_index, word, **asked)
        assert (plain.articles, plain.groups, plain.hits) == (page.articles, page.groups, page.hits)


@pytest.mark.parametrize("duplicates", ["fold", "keep", "only"])
@pytest.mark.parametrize("name", NAMES)
def test_a_count_is_the_total_of_the_search_filtered_by_the_value(shared_index, articles, name, duplicates):
    filters = Filters(source=("a.com", "b.com"), not_topic=("medtop:15000000",), min_words=1)
    asked = {"filters": filters, "duplicates": duplicates}
    page = ask(shared_index, "harbour", facets=(name,), facet_size=100, **asked)
    assert page.facets[name]
    for value, count in ((one.value, one.count) for one in page.facets[name]):
        narrowed = replace(without(filters, name), **{name: (value,)})
        assert ask(shared_index, "harbour", **asked | {"filters": narrowed}).groups == count


def test_a_chosen_value_does_not_empty_its_own_facet_but_narrows_the_others(index):
    fill(
        index,
        article(1, source="a.com", language="en"),
        article(2, source="b.com", language="de"),
        article(3, source="b.com", language="en"),
    )
    both = (FacetCount("b.com", 2), FacetCount("a.com", 1))
    for filters, languages in (
        (Filters(source=("a.com",)), (FacetCount("en", 1),)),
        (Filters(not_source=("a.com",)), (FacetCount("de", 1), FacetCount("en", 1))),
    ):
        page = ask(index, filters=filters, facets=("source", "language"))
        assert page.facets == {"source": both, "language": languages}


def test_under_fold_a_lead_counts_for_its_source_and_for_those_of_its_copies_once_each(index):
    ran = (("b.com", "duplicate"), ("b.com", "duplicate"), ("c.com", "version"))
    copies = tuple(Copy(f"{at:032x}", source, verdict=word) for at, (source, word) in enumerate(ran, 2))
    fill(
        index,
        article(1, source="a.com", copies=copies),
        article(2, source="b.com", is_lead=False, verdict="duplicate"),
        article(3, source="b.com", is_lead=False, verdict="duplicate"),
        article(4, source="c.com", is_lead=False, verdict="version"),
    )

    def told(duplicates):
        found = ask(index, facets=("source",), duplicates=duplicates).facets["source"]
        return {one.value: one.count for one in found}

    assert told("fold") == {"a.com": 1, "b.com": 1, "c.com": 1}
    assert told("keep") == {"a.com": 1, "b.com": 2, "c.com": 1}
    assert told("only") == {"b.com": 2}


def test_folding_stories_leaves_the_facets_as_they_are(index):
    story = "f" * 32
    fill(
        index,
        *(article(number, source="a.com", story_id=story) for number in (1, 2)),
        article(3, source="b.com"),
    )
    asked = {"facets": ("source",), "filters": Filters(source=("a.com",))}
    folded, kept = ask(index, stories="fold", **asked), ask(index, **asked)
    assert (folded.groups, kept.groups) == (1, 2)
    assert folded.facets == kept.facets == {"source": (FacetCount("a.com", 2), FacetCount("b.com", 1))}


def test_of_values_with_one_count_the_first_by_its_characters_are_told(index):
    fill(index, *(article(number, source=f"s{number:03}.com") for number in range(130)))
    for size in (1, 20, 100, 10_000):
        found = ask(index, facets=("source",), facet_size=size).facets["source"]
        assert found == tuple(FacetCount(f"s{number:03}.com", 1) for number in range(min(size, 130)))


def test_values_beyond_a_first_look_are_told_exactly_too(index, monkeypatch):
    monkeypatch.setattr(embedded_facets, "_LOOKS", (5, 1_000))
    monkeypatch.setattr(dsl_facets, "SHARD_VALUES", 5)
    chance = random.Random(17)
    sources = [f"s{min(chance.randrange(60), chance.randrange(60)):02}.com" for _ in range(600)]
    made = [article(number, source=source) for number, source in enumerate(sources)]
    for start in range(0, 600, 100):  # several segments, each of which knows a part
        fill(index, *made[start : start + 100])
    for size in (1, 5, 20):
        page = ask(index, facets=("source",), facet_size=size)
        assert page.facets["source"] == counted(made, "source", Filters(), "fold", "", size)
        assert page.facets_approximate == ()


def test_a_value_that_one_segment_left_out_is_counted_there_too(index, monkeypatch):
    monkeypatch.setattr(embedded_facets, "_LOOKS", (5, 1_000))
    for start in (0, 20, 40):
        fill(index, *(article(number, source="big.com") for number in range(start, start + 20)))
    rest = [f"s{number % 6}.com" for number in range(18)]
    fill(index, *(article(60 + number, source=source) for number, source in enumerate(["big.com", *rest])))
    assert ask(index, facets=("source",), facet_size=1).facets["source"] == (FacetCount("big.com", 61),)


@pytest.mark.servers
def test_of_several_shards_facets_are_exact_or_named_as_approximate(elasticsearch_url, monkeypatch):
    alias = f"contract-{uuid.uuid4().hex}"
    index = ElasticsearchIndex(elasticsearch_url, alias, shards=3)
    index.create()
    chance = random.Random(29)
    sources = [f"s{min(chance.randrange(40), chance.randrange(40)):02}.com" for _ in range(400)]
    made = [article(number, source=source) for number, source in enumerate(sources)]
    try:
        fill(index, *made)
        exact = counted(made, "source", Filters(), "fold", "", 5)
        page = ask(index, facets=("source",), facet_size=5)
        assert (page.facets["source"], page.facets_approximate) == (exact, ())
        monkeypatch.setattr(dsl_facets, "SHARD_VALUES", 5)
        page = ask(index, facets=("source",), facet_size=5)
        assert page.facets["source"] != exact
        assert page.facets_approximate == ("source",)
    finally:
        index.close()
        for name in httpx.get(f"{elasticsearch_url}/{alias}*").json():
            httpx.delete(f"{elasticsearch_url}/{name}").raise_for_status()


@pytest.mark.parametrize("size", [0, -1, 10_001])
def test_a_size_out_of_bounds_is_refused(index, size):
    with pytest.raises(InvalidRequest, match="between 1 and 10,000") as refused:
        ask(index, facets=("source",), facet_size=size)
    assert refused.value.field == "facet_size"


def test_nothing_found_has_empty_facets(index):
    assert ask(index, facets=("source", "author")).facets == {"source": (), "author": ()}
    assert ask(index).facets == {}
