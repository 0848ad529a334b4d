"""Every shipped rule can be earned in each of its languages by its strongest phrases; every phrase counts."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.audit import audit_rules, earns
from services.workers.stages.tag.rules import TopicRule
from services.workers.stages.tag.topics import TopicRules, shipped_topics
from services.workers.stages.tag.vocabulary import shipped_vocabulary

LANGUAGES = ("en", "es", "fr", "de", "ar")


def test_each_rule_is_earned_by_its_strongest_phrases() -> None:
    topics = shipped_topics()
    assert [
        (rule.place, language)
        for rule in topics.rules
        for language in rule.phrases
        if not earns(topics, rule, language)
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_top_topic_is_the_best_for_its_strongest_phrases(language: str) -> None:
    topics = shipped_topics()
    for rule in topics.rules:
        if not topics.vocabulary.broader_of(rule.code):
            weights = rule.phrases[language]
            heaviest = sorted(weights, key=lambda phrase: (-weights[phrase], phrase))[:10]
            tags = topics.find("", ". ".join(phrase.strip("*") for phrase in heaviest) + " x.", language)
            assert tags[0].code == rule.code, (language, heaviest, tags[:2])


def test_the_shipped_rules_have_no_mistake_and_no_phrase_in_vain() -> None:
    found = audit_rules()
    assert found.mistakes == ()
    assert [warning for warning in found.warnings if "speaks as much" not in warning] == []
    assert (found.tops, found.retired) == (17, 190)
    assert found.narrower >= 200
    assert set(LANGUAGES) <= set(found.phrases)


def _rules(*rules: TopicRule) -> TopicRules:
    return TopicRules(rules, shipped_vocabulary())


def test_a_rule_of_one_weak_word_is_not_earned() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"oar": 3.0}})
    assert not earns(_rules(rule), rule, "en")
    strong = TopicRule("medtop:15000000", {"en": {"regatta": 5.0}})
    assert earns(_rules(strong), strong, "en")


def test_a_phrase_that_its_own_rule_denies_speaks_for_nothing() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"oar": 4.0, "mast": 4.0}}, negatives=("oar",))
    matcher = _rules(rule).matcher("en")
    assert matcher.spoken_for("oar") == frozenset()
    assert matcher.spoken_for("mast") == {"medtop:15000000"}


def test_the_case_for_a_topic_shows_weights_mentions_and_gains() -> None:
    rule = TopicRule("medtop:20001065", {"en": {"goalkeeper*": 4.0, "header": 2.0}}, title_boost=2.0)
    cases = _rules(rule).matcher("en").explain("A header", "Two goalkeepers, one goalkeeper.")
    found = {reason.words: reason for reason in cases["medtop:15000000"].reasons}
    assert (found["goalkeepers"].weight, found["goalkeepers"].mentions) == (4.0, 2)
    assert (found["header"].weight, found["header"].gain) == (2.0, 6.0)
    assert cases["medtop:15000000"].score == pytest.approx(0.8, abs=0.1)
