"""Why an article is a copy, and how far its text went, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from services.search.answers import article_json, hit_json
from services.search.why import _RULES, also_in, outlets, why
from shared.article import Article, Copy, Source
from shared.index.port import FoldedStory, Hit
from shared.nearness.compare import Rule

LEAD = "f" * 32
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def article(**fields):
    return Article("a" * 32, Source("paper.example"), "Title", "Body", NOON, **fields)


def copy(word, similarity, rule):
    return article(verdict=word, duplicate_of=LEAD, similarity=similarity, rule=rule, is_lead=False)


@pytest.mark.parametrize(
    ("word", "similarity", "rule", "words"),
    [
        ("duplicate", 1.0, "same-text", "both say the same, word for word"),
        ("duplicate", 0.97, "containment", "97 % of the shorter one's phrases are in both, by containment"),
        ("duplicate", 0.999, "containment", "99 % of the shorter one's phrases"),
        ("duplicate", 0.85, "short-text", "85 % of the shorter one's phrases are in both, and such short"),
        ("version", 0.8, "template", "80 % of the shorter one's phrases are in both, but numbers, dates"),
        ("version", 0.45, "rewrite", "45 % of the shorter one's phrases are in both: too many for chance"),
        ("excerpt", 0.9, "excerpt", "90 % of its phrases are in the other, which is at least four times"),
        ("duplicate", 1.0, None, "100 % alike"),  # decided before rules were kept
    ],
)
def test_a_verdict_is_told_in_a_sentence(word, similarity, rule, words):
    assert why(copy(word, similarity, rule)).startswith(f"{word} of {LEAD}: {words}")


def test_every_rule_has_its_words():
    assert set(_RULES) == set(get_args(Rule))


def test_what_is_a_copy_of_nothing_has_nothing_to_explain():
    assert why(article()) is None
    assert article_json(article())["why"] is None


def test_an_article_says_verdict_lead_likeness_rule_and_passage():
    told = article_json(copy("duplicate", 0.97, "containment"))
    names = ("verdict", "duplicate_of", "similarity", "rule", "passage")
    assert [told[name] for name in names] == ["duplicate", LEAD, 0.97, "containment", None]
    assert told["why"] == why(copy("duplicate", 0.97, "containment"))


def copies(*sources):
    return tuple(Copy(f"{number:032x}", source) for number, source in enumerate(sources))


@pytest.mark.parametrize(
    ("sources", "count", "words"),
    [
        ((), 0, None),
        (("b.example",), 1, "also in 1 outlet"),
        (("b.example", "c.example", "b.example"), 2, "also in 2 outlets"),
        (("b.example", "paper.example"), 1, "also in 1 outlet"),
        (("paper.example",), 0, "ran again in the same outlet"),
    ],
)
def test_a_fold_counts_the_other_outlets(sources, count, words):
    lead = article(copies=copies(*sources))
    assert outlets(lead) == count
    assert also_in(lead) == words
    assert hit_json(Hit(lead, None), (), None)["outlets"] == count


def test_a_hit_of_a_folded_story_names_it():
    assert "story" not in hit_json(Hit(article(), None), (), None)
    told = hit_json(Hit(article(), None, FoldedStory(LEAD, 4)), (), None)["story"]
    assert (told.id, told.articles) == (LEAD, 4)
