"""Searches of tantivy in slices: the same answer as in one go, and an honest part of it when time is up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.article import Copy, Entity
from shared.errors import Unavailable
from shared.index.embedded import EmbeddedIndex
from shared.index.embedded_cost import guess_dear
from shared.index.embedded_query import build_query
from shared.index.embedded_slices import FEWEST, Slices, cover, search_in_slices
from shared.index.embedded_walk import EmbeddedWalks
from shared.index.facets import plan_facets
from shared.index.parser import parse_query
from shared.index.plan import plan_search
from shared.index.port import SearchRequest, TimelineRequest
from tests.contract.index.corpus import ECONOMY, NOW, SPORT, article

FEW, MANY = 240, FEWEST + 2_000
FOREVER = 1e9
FACETS = ("source", "topic", "entity", "story")


def made(number):
    """An article of few words in an order of its own; every ninth has no time at which it was indexed."""
    return article(
        number,
        "The storm of the day" if number % 7 == 0 else "A quiet day",
        f"The mayor of the town said {'storm ' * (number % 5)}on the coast, in the dark {number}.",
        source=f"s{number % 4}.example",
        topics=(ECONOMY if number % 2 else SPORT,),
        entities=(Entity(f"Name {number % 11}", "person"),),
        published_at=None if number % 50 == 0 else NOW - timedelta(hours=(number * 37) % 500),
        sort_key=1_000_000 + (number * 7_919) % 100_003,
        indexed_at=None if number % 9 == 0 else NOW - timedelta(hours=1) + timedelta(seconds=number // 3),
        story_id=f"{number // 5:032x}",
        is_lead=number % 6 != 0,
        verdict="new" if number % 6 else "duplicate",
        duplicate_of=None if number % 6 else f"{number + 1:032x}",
        copies=(Copy(f"{number - 1:032x}", "s9.example"),) if number % 6 == 1 else (),
    )


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    index = EmbeddedIndex(tmp_path_factory.mktemp("few") / "index", writing=True)
    index.create()
    for start in range(0, FEW, 60):  # several segments
        index.write([made(number) for number in range(start, start + 60)])
    yield index
    index.close()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    directory = tmp_path_factory.mktemp("many") / "index"
    index = EmbeddedIndex(directory, writing=True)
    index.create()
    index.write([made(number) for number in range(MANY)])
    yield directory
    index.close()


def request(query="", **given):
    return SearchRequest(now=NOW, query=parse_query(query), **{"facets": FACETS, "facet_size": 100, **given})


def parts(index, seconds=FOREVER, fewest=10):
    _, searcher = index._used.look()
    return searcher, Slices(searcher, index._schema, 100.0, seconds, fewest)


QUERIES = [
    "", "storm", "storm OR dark OR coast", '"of the"', '"of the" near/20 said', "nothere", "sto*", "-storm",
    "(said OR mayor) near/5 (storm OR coast)", 'storm -"of the day"', '"not here" OR "of the day"',
    '"of nowhere" near/3 storm',
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize("duplicates", ["fold", "keep", "only"])
def test_all_slices_together_answer_as_one_search_does(few, query, sort, duplicates):
    for size, offset in ((20, 0), (7, 13), (0, 0)):
        asked = request(query, sort=sort, duplicates=duplicates, size=size, offset=offset)
        expected = few.search(asked)
        plan, facets = plan_search(asked), plan_facets(asked)
        searcher, slices = parts(few)
        found = search_in_slices(searcher, few._schema, plan, facets, asked.facet_size, slices)
        assert found.whole
        assert (found.groups + found.folded, found.groups) == (expected.articles, expected.groups)
        assert (found.facets, found.approximate) == (expected.facets, ())
        fast = searcher.fast_field_values("sort_key", [address for _, address in found.found])
        hits = list(zip(fast, [score for score, _ in found.found], strict=True))
        assert hits == [(hit.article.sort_key, hit.score) for hit in expected.hits]


def test_slices_hold_every_article_once_the_last_indexed_first(few):
    searcher, slices = parts(few)
    held = []
    for one in slices:
        places = [address for _, address in searcher.search(build_query(one, few._schema), FEW).hits]
        held.append(searcher.fast_field_values("indexed_ms", places))
    assert len(held) >= 4
    assert sum(map(len, held)) == FEW
    *timed, last = held
    assert all(min(left) > max(right) for left, right in pairwise(timed))
    assert sum(value is None for value in last) == sum(number % 9 == 0 for number in range(FEW))


def test_when_time_is_up_what_was_found_is_the_last_indexed_part_of_it(few):
    asked = request("said", duplicates="keep", sort="newest", size=100)
    searcher, slices = parts(few, seconds=0.0, fewest=50)
    found = search_in_slices(searcher, few._schema, plan_search(asked), plan_facets(asked), 100, slices)
    assert not found.whole
    assert 50 <= found.groups < FEW
    assert sum(value.count for value in found.facets["source"]) == found.groups
    newest = few.search(replace(asked, size=100)).hits
    keys = searcher.fast_field_values("sort_key", [address for _, address in found.found])
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == found.groups
    late = {
        hit.article.sort_key for hit in newest if hit.article.indexed_at and int(hit.article.id, 16) > 200
    }
    assert late <= set(keys)


@pytest.mark.parametrize("stories", ["keep", "fold"])
def test_a_search_that_runs_out_of_time_says_so_and_its_numbers_are_lower_bounds(many, stories):
    hasty = EmbeddedIndex(many, seconds=0.0, dear=0.0)
    asked = request("said", stories=stories)
    whole, part = EmbeddedIndex(many).search(asked), hasty.search(asked)
    assert (whole.partial, part.partial) == (False, True)
    assert 0 < part.articles < whole.articles
    assert 0 < part.groups < whole.groups
    assert len(part.hits) == 20
    of_whole = {one.value: one.count for one in whole.facets["topic"]}
    assert all(0 < one.count < of_whole[one.value] for one in part.facets["topic"])


@pytest.mark.parametrize("stories", ["keep", "fold"])
def test_a_dear_search_with_time_enough_is_whole_and_the_same(many, stories):
    asked = request('"of the" near/20 said', stories=stories)
    plain, patient = EmbeddedIndex(many, dear=FOREVER), EmbeddedIndex(many, seconds=FOREVER, dear=0.0)
    expected, found = plain.search(asked), patient.search(asked)
    assert not found.partial
    assert replace(found, engine_ms=0.0) == replace(expected, engine_ms=0.0)


def test_timelines_and_suggestions_run_out_of_time_too(many):
    plain, hasty = EmbeddedIndex(many), EmbeddedIndex(many, seconds=0.0, dear=0.0)
    asked = TimelineRequest(NOW, parse_query("said"), split="topic")
    whole, part = plain.timeline(asked), hasty.timeline(asked)
    assert (whole.partial, part.partial) == (False, True)
    assert 0 < part.total < whole.total
    whole, part = plain.suggest("name", 5, NOW), hasty.suggest("name", 5, NOW)
    assert (whole.partial, part.partial) == (False, True)
    assert 0 < part.entities[0].count < whole.entities[0].count


@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_a_walk_is_refused_where_no_step_could_end_in_time_and_leaves_nothing_behind(many, sort):
    index = EmbeddedIndex(many)
    index._walks = EmbeddedWalks(index._schema, seconds=0.0, dear=0.0)
    asked = request("said", sort=sort, facets=())
    with pytest.raises(Unavailable, match="narrow"):
        index.walk(asked, None, NOW)
    assert not index._walks._kept
    index._walks = EmbeddedWalks(index._schema, seconds=FOREVER, dear=0.0)
    assert len(index.walk(asked, None, NOW).page.hits) == 20


def test_only_searches_that_may_take_long_are_dear(many):
    _, searcher = EmbeddedIndex(many)._used.look()

    def guess(query, **given):
        asked = request(query, **given)
        return guess_dear(searcher, plan_search(asked), plan_facets(asked), least=0.01)

    assert guess("storm", facets=()) == 0
    assert guess("storm coast -dark", facets=()) == 0
    phrases = '("of the" OR "in the") near/20 ("the mayor" OR "the coast")'
    assert guess(phrases, facets=()) > guess('"of the" near/20 said', facets=()) > 0
    assert guess(phrases, facets=(), stories="fold") > 3 * guess(phrases, facets=())
    assert guess('"of nowhere" near/20 nothere', facets=()) == 0


def test_what_is_covered_in_time_is_a_search_of_that_part(few):
    asked = request("said", duplicates="keep")
    searcher, slices = parts(few, seconds=0.0, fewest=50)
    plan, facets = cover(searcher, few._schema, plan_search(asked), plan_facets(asked), slices)
    assert not slices.whole
    assert [facet.filters.children[-1] for facet in facets] == [slices.covered] * len(FACETS)
    assert plan.filters.children[-1] == slices.covered
