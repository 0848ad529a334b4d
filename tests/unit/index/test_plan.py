"""Plans: what a search means in exact terms, before any engine sees it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.errors import InvalidRequest
from shared.index.parser import parse_query
from shared.index.plan import (
    TITLE_BOOST,
    AllOf,
    AnyOf,
    KeywordAny,
    NearAny,
    NoneOf,
    PhraseAny,
    PlanNode,
    PrefixAny,
    RangeMs,
    TermAny,
    plan_get,
    plan_search,
    visible,
)
from shared.index.port import Filters, SearchRequest
from shared.index.query import Word

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOW_MS = 1_772_323_200_000


def scored(text: str, **given) -> PlanNode:
    return plan_search(SearchRequest(NOW, parse_query(text), **given)).scored


def test_a_word_is_looked_for_in_title_and_body_in_the_forms_of_every_language():
    title, body = scored("running").children
    assert (title.field, title.boost, body.field, body.boost) == (
        "title_terms",
        TITLE_BOOST,
        "body_terms",
        1.0,
    )
    assert title.terms == body.terms
    assert {"running", "en/run", "de/running"} <= set(title.terms)


def test_a_word_of_several_terms_is_a_phrase():
    assert scored("title:covid-19") == PhraseAny("title_terms", scored("title:covid-19").phrases, TITLE_BOOST)
    assert ("en/covid", "19") in scored("title:covid-19").phrases
    assert scored("body:東京都") == PhraseAny("body_terms", (("東京", "京都"),))


def test_a_phrase_of_one_word_is_a_word():
    assert scored('body:"2026"') == TermAny("body_terms", ("2026",))


def test_a_prefix_reaches_terms_of_every_language_without_a_score():
    planned = scored("body:econom*")
    assert isinstance(planned, PrefixAny)
    assert (planned.field, planned.starts[:2]) == ("body_terms", ("econom", "en/econom"))
    assert [node.field for node in scored("econom*").children] == ["title_terms", "body_terms"]
    assert scored("title:東京都*") == scored("title:東京都")


def test_a_prefix_of_a_keyword_looks_where_its_whole_value_would():
    assert scored("source:BBC*") == PrefixAny("ran_sources", ("bbc",))
    assert scored("-source:BBC*") == NoneOf(PrefixAny("source", ("bbc",)))
    assert scored("author:Élu*") == PrefixAny("authors", ("elu",))


def test_near_is_the_words_of_both_sides_and_their_pairs_language_by_language():
    left, right, near = scored("body:((running OR 2026) near/3 covid-19)").children
    assert left == AnyOf((scored("body:running"), scored("body:2026")))
    assert right == AnyOf((scored("body:covid-19"),))
    assert isinstance(near, NearAny)
    assert (near.field, near.distance) == ("body_terms", 3)
    assert (("en/run",), ("en/covid", "19")) in near.pairs
    assert (("2026",), ("de/covid", "19")) in near.pairs
    assert (("en/run",), ("de/covid", "19")) not in near.pairs


def test_near_without_a_field_needs_both_sides_in_one_field():
    title, body = scored("a near/3 b").children
    assert {title.children[-1].field, body.children[-1].field} == {"title_terms", "body_terms"}


def test_date_math_is_resolved_with_the_now_of_the_request():
    assert scored("published:[now-1d TO now]") == RangeMs("published_ms", NOW_MS - 86_400_000, NOW_MS)
    assert scored("-published:<now/d") == NoneOf(RangeMs("published_ms", None, NOW_MS - 1))
    assert scored("published:1960-01-01").end == scored("published:1960-01-02").start - 1
    with pytest.raises(InvalidRequest, match="ends before it begins") as caught:
        scored("a published:[now TO now-1d]")
    assert caught.value.position == 2


def test_operators_become_all_any_and_none():
    one, two = TermAny("body_terms", ("1",)), TermAny("body_terms", ("2",))
    assert scored("body:1 body:2") == AllOf((one, two))
    assert scored("body:1 OR body:2") == AnyOf((one, two))
    assert scored("-body:1") == NoneOf(one)
    assert scored("") == AllOf(())


def test_visibility_is_in_every_plan():
    rule = AllOf(
        (
            KeywordAny("state", ("usable",)),
            NoneOf(RangeMs("embargo_ms", start=NOW_MS + 1)),
            NoneOf(RangeMs("expires_ms", end=NOW_MS)),
        )
    )
    assert visible(NOW_MS) == rule
    assert rule in plan_search(SearchRequest(NOW)).filters.children
    assert plan_get(("a", "b"), NOW_MS) == AllOf((KeywordAny("id", ("a", "b")), rule))


def test_folding_shows_leads_and_lets_a_source_match_where_copies_ran():
    fold = plan_search(SearchRequest(NOW, filters=Filters(source=("B.com", "b.com"))))
    own, ran = KeywordAny("source", ("b.com",)), KeywordAny("ran_sources", ("b.com",))
    assert (fold.shown, fold.folded) == (KeywordAny("is_lead", ("true",)), KeywordAny("is_lead", ("false",)))
    assert fold.filters.children[1:] == (ran,)
    keep = plan_search(SearchRequest(NOW, filters=Filters(source=("b.com",)), duplicates="keep"))
    assert (keep.shown, keep.folded, keep.filters.children[1:]) == (None, None, (own,))
    only = plan_search(SearchRequest(NOW, duplicates="only"))
    assert (only.shown, only.filters.children[1:]) == (None, (KeywordAny("is_lead", ("false",)),))


def test_a_source_that_is_not_wanted_is_the_own_one_also_when_folding():
    own = KeywordAny("source", ("b.com",))
    plan = plan_search(SearchRequest(NOW, filters=Filters(not_source=("b.com",))))
    assert plan.filters.children[1:] == (NoneOf(own),)
    for text in ("-source:b.com", "NOT source:b.com"):
        assert scored(text) == NoneOf(own)


def test_a_story_becomes_a_filter_whatever_is_folded():
    for duplicates in ("fold", "keep", "only"):
        filters = Filters(story=("AB", "ab"), not_story=("cd",))
        plan = plan_search(SearchRequest(NOW, filters=filters, duplicates=duplicates))
        assert plan.filters.children[1:3] == (
            KeywordAny("story_id", ("ab",)),
            NoneOf(KeywordAny("story_id", ("cd",))),
        )


def test_only_relevance_favours_news_and_by_the_now_of_the_request():
    favours = plan_search(SearchRequest(NOW, parse_query("a"))).favours
    day = 86_400_000
    ranges = [RangeMs("published_ms", start=NOW_MS - days * day) for days in (1, 7, 30)]
    assert [favour.node for favour in favours] == ranges
    for text, sort in (("a", "newest"), ("a", "oldest"), ("", "relevance")):
        assert plan_search(SearchRequest(NOW, parse_query(text), sort=sort)).favours == ()


def test_stories_are_folded_among_what_duplicates_leave_to_show():
    assert not plan_search(SearchRequest(NOW)).by_story
    for duplicates in ("fold", "keep", "only"):
        kept = plan_search(SearchRequest(NOW, duplicates=duplicates))
        folded = plan_search(SearchRequest(NOW, duplicates=duplicates, stories="fold"))
        assert folded == replace(kept, by_story=True)


def test_negative_twins_and_dates_become_filters():
    filters = Filters(not_topic=("medtop:1",), language=("EN-gb",), start=NOW, end=None)
    assert plan_search(SearchRequest(NOW, filters=filters)).filters.children[1:] == (
        KeywordAny("languages", ("en-gb",)),
        NoneOf(KeywordAny("topics", ("medtop:1",))),
        RangeMs("published_ms", NOW_MS, None),
    )


@pytest.mark.parametrize(
    ("text", "asked", "planned"),
    [
        ("a", "relevance", "relevance"),
        ("a -b", "relevance", "relevance"),
        ("a near/2 b", "relevance", "relevance"),
        ("econom*", "relevance", "newest"),
        ("source:x", "relevance", "newest"),
        ("-a", "relevance", "newest"),
        ("", "relevance", "newest"),
        ("", "oldest", "oldest"),
        ("a", "newest", "newest"),
    ],
)
def test_relevance_needs_something_that_scores(text, asked, planned):
    assert plan_search(SearchRequest(NOW, parse_query(text), sort=asked)).sort == planned


def test_a_tree_with_nothing_to_search_for_is_the_callers_error():
    with pytest.raises(InvalidRequest) as caught:
        plan_search(SearchRequest(NOW, Word("?!", position=7)))
    assert (caught.value.field, caught.value.position) == ("q", 7)
