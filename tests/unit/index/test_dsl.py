"""The translation of a plan into Elasticsearch's query DSL."""

from __future__ import annotations

import pytest

from shared.index.dsl import filtering, scoring, search_body, stories_body
from shared.index.plan import (
    AllOf,
    AnyOf,
    KeywordAny,
    NearAny,
    NoneOf,
    PhraseAny,
    Plan,
    PrefixAny,
    RangeMs,
    TermAny,
)

SOURCE = KeywordAny("source", ("paper.example",))
WORD = TermAny("body_terms", ("en/run",), 2.0)


def test_a_term_is_looked_up_as_it_is():
    assert scoring(WORD) == {"term": {"body_terms": {"value": "en/run", "boost": 2.0}}}


def test_several_forms_of_a_word_are_alternatives():
    found = scoring(TermAny("body_terms", ("run", "en/run")))
    assert [choice["term"]["body_terms"]["value"] for choice in found["bool"]["should"]] == ["run", "en/run"]
    assert found["bool"]["minimum_should_match"] == 1


def test_a_phrase_leaves_only_spaces_to_the_engine():
    found = scoring(PhraseAny("title_terms", (("en/new", "en/york"),), 2.0))
    assert found == {"match_phrase": {"title_terms": {"query": "en/new en/york", "boost": 2.0}}}


def test_a_prefix_looks_at_every_term_that_begins_so():
    starts = [{"prefix": {"f": {"value": value, "rewrite": "constant_score"}}} for value in ("en/a", "a")]
    found = filtering(PrefixAny("f", ("en/a", "a"), ("en/b",)))
    assert found["bool"] == {"should": [*starts, {"terms": {"f": ["en/b"]}}], "minimum_should_match": 1}
    assert filtering(PrefixAny("f", ("a",))) == starts[1]


def test_near_is_asked_for_in_both_orders_and_phrases_pair_by_pair():
    pairs = ((("a",), ("b",)), (("c",), ("b",)), (("a",), ("x", "y")))
    found = filtering(NearAny("f", pairs, 5))["intervals"]["f"]["any_of"]["intervals"]
    assert [one["all_of"]["ordered"] for one in found] == [True] * 4
    assert {one["all_of"]["max_gaps"] for one in found} == {4}
    assert [[texts(side) for side in one["all_of"]["intervals"]] for one in found] == [
        [["a"], ["x y"]],
        [["x y"], ["a"]],
        [["a", "c"], ["b"]],
        [["b"], ["a", "c"]],
    ]


def test_equal_sides_of_near_are_told_apart():
    twice = NearAny("f", ((("a", "b"), ("a", "b")),), 5)
    (found,) = filtering(twice)["intervals"]["f"]["any_of"]["intervals"]
    assert [texts(side) for side in found["all_of"]["intervals"]] == [["a b"], ["a b", "."]]


def texts(side: dict) -> list[str]:
    matches = side["any_of"]["intervals"] if "any_of" in side else [side]
    assert all(one["match"]["ordered"] and one["match"]["max_gaps"] == 0 for one in matches)
    return [one["match"]["query"] for one in matches]


UNSCORED = [
    SOURCE,
    RangeMs("published_ms", 1, 2),
    PrefixAny("body_terms", ("en/run",)),
    NearAny("body_terms", ((("a",), ("b",)),), 5),
    NoneOf(WORD),
    NoneOf(SOURCE),
]


@pytest.mark.parametrize("node", UNSCORED)
def test_what_adds_no_score_gets_a_constant_of_zero(node):
    assert scoring(node) == {"constant_score": {"filter": filtering(node), "boost": 0}}


def test_everything_matches_with_no_score():
    assert scoring(AllOf(())) == {"match_all": {"boost": 0}}


def test_a_query_of_everything_as_a_filter_is_empty_and_valid():
    assert filtering(AllOf(())) == {"bool": {"filter": []}}


def test_a_tree_keeps_its_shape():
    found = filtering(AllOf((AnyOf((SOURCE, KeywordAny("topics", ("a",)))), NoneOf(SOURCE))))
    first, second = found["bool"]["filter"]
    assert [list(choice["terms"]) for choice in first["bool"]["should"]] == [["source"], ["topics"]]
    assert second == {"bool": {"must_not": [{"terms": {"source": ["paper.example"]}}]}}


def test_an_open_end_of_a_range_bounds_nothing():
    assert filtering(RangeMs("expires_ms", end=5)) == {"range": {"expires_ms": {"gte": None, "lte": 5}}}


def test_folding_counts_all_matches_beside_the_shown_ones():
    body = search_body(Plan(WORD, AllOf((SOURCE,)), KeywordAny("is_lead", ("true",)), "newest", 5, 10), "2s")
    assert body["post_filter"] == {"terms": {"is_lead": ["true"]}}
    assert body["aggs"] == {"articles": {"filter": {"match_all": {}}}}
    assert (body["size"], body["from"], body["track_total_hits"], body["timeout"]) == (5, 10, True, "2s")


def test_without_folding_there_is_one_count():
    body = search_body(Plan(WORD, AllOf((SOURCE,)), None, "newest", 5, 0), "2s")
    assert "post_filter" not in body
    assert "aggs" not in body
    assert "collapse" not in body


LEADS = KeywordAny("is_lead", ("true",))


def test_folding_stories_collapses_the_hits_and_estimates_the_stories_of_what_is_shown():
    body = search_body(Plan(WORD, AllOf((SOURCE,)), LEADS, "newest", 5, 10, by_story=True), "2s")
    assert body["collapse"] == {"field": "story_key"}
    assert body["aggs"]["articles"] == {"filter": {"match_all": {}}}
    assert body["aggs"]["stories"]["filter"] == filtering(LEADS)
    everything = search_body(Plan(WORD, AllOf(()), None, "newest", 5, 0, by_story=True), "2s")
    assert everything["aggs"]["stories"]["filter"] == {"match_all": {}}
    assert everything["aggs"].keys() == {"stories"}


def test_stories_are_counted_among_what_is_shown_and_their_articles_among_all_matches():
    plan = Plan(WORD, AllOf((SOURCE,)), LEADS, "newest", 5, 0, by_story=True)
    body = stories_body(plan, [7, -8], "2s", count=True)
    assert body["query"] == {"bool": {"filter": [filtering(WORD), filtering(AllOf((SOURCE,)))]}}
    assert body["aggs"]["page"] == {"terms": {"field": "story_key", "include": [7, -8], "size": 2}}
    assert body["aggs"]["stories"]["filter"] == filtering(LEADS)
    assert body["size"] == 0


def test_without_a_count_only_the_stories_of_the_page_are_looked_at():
    body = stories_body(Plan(WORD, AllOf(()), None, "newest", 5, 0, by_story=True), [7], "2s", count=False)
    assert {"terms": {"story_key": [7]}} in body["query"]["bool"]["filter"]
    assert body["aggs"].keys() == {"page"}


@pytest.mark.parametrize(
    ("sort", "keys"),
    [
        ("relevance", [("_score", "desc"), ("sort_key", "desc")]),
        ("newest", [("sort_key", "desc")]),
        ("oldest", [("sort_key", "asc")]),
    ],
)
def test_the_order_ends_with_the_unique_key(sort, keys):
    body = search_body(Plan(WORD, AllOf(()), None, sort, 5, 0), "2s")
    assert [(name, how["order"]) for part in body["sort"] for name, how in part.items()] == keys
