"""Capitals in rules: acronyms and names are not the small words of some language that look like them."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.rules import TopicRule
from services.workers.stages.tag.topics import TopicMatcher, find_topics
from shared.article import Tag

POLITICS = "medtop:11000000"
SPORT = "medtop:15000000"


def _tags(phrases: dict[str, float], title: str, body: str = "") -> tuple[Tag, ...]:
    rule = TopicRule(POLITICS, {"any": phrases})
    return TopicMatcher([rule], ["any"]).tags(title, body)


def test_an_acronym_matches_capitals_only() -> None:
    assert _tags({"UN": 5.0}, "The UN met")
    assert not _tags({"UN": 5.0}, "Un film, un livre")


def test_a_name_needs_its_own_capitals_and_no_others() -> None:
    assert _tags({"Nato": 5.0}, "Nato met")
    assert _tags({"Nato": 5.0}, "NATO met")
    assert not _tags({"Nato": 5.0}, "poeta nato a Roma")


def test_a_phrase_in_small_letters_matches_any_case() -> None:
    assert _tags({"treaty": 5.0}, "A Treaty, THE TREATY and a treaty")


@pytest.mark.parametrize("title", ["WHO PAYS FOR US", "US", "WHO?"])
def test_a_headline_in_capitals_has_no_acronyms(title: str) -> None:
    assert not _tags({"WHO": 5.0, "US": 5.0}, title, "nothing else is said")


def test_a_heading_in_capitals_leaves_the_acronyms_of_other_lines() -> None:
    assert not _tags({"US": 5.0}, "", "ABOUT US\nabout us")
    assert _tags({"US": 5.0}, "", "ABOUT THEM\nthe US said")


def test_a_name_is_found_in_a_headline_in_capitals() -> None:
    assert _tags({"Merkel": 5.0}, "MERKEL WINS AGAIN")


def test_an_acronym_beside_letters_without_case_is_found() -> None:
    assert _tags({"WTO": 5.0}, "中国 WTO")


def test_capitals_are_compared_behind_letters_that_fold_to_two() -> None:
    assert _tags({"UN": 5.0}, "Große Straße: die UN tagt")
    assert not _tags({"UN": 5.0}, "Große Straße: un film")


def test_a_longer_name_in_small_letters_does_not_hide_the_words_inside() -> None:
    sport = TopicRule(SPORT, {"en": {"boxing": 5.0}})
    politics = TopicRule(POLITICS, {"any": {"Boxing Party": 5.0}})
    matcher = TopicMatcher([sport, politics], ["any", "en"])
    assert [tag.code for tag in matcher.tags("a boxing party", "")] == [SPORT]
    assert {tag.code for tag in matcher.tags("the Boxing Party", "")} == {SPORT, POLITICS}


def test_a_phrase_of_a_language_means_the_acronym_inside_it_in_any_case() -> None:
    sport = TopicRule(SPORT, {"en": {"un cup": 5.0}})
    politics = TopicRule(POLITICS, {"any": {"UN": 5.0}})
    matcher = TopicMatcher([sport, politics], ["any", "en"])
    assert {tag.code for tag in matcher.tags("the un cup", "")} == {SPORT, POLITICS}


def test_spellings_of_one_word_may_mean_different_topics() -> None:
    health = TopicRule("medtop:07000000", {"any": {"AIDS": 5.0}})
    politics = TopicRule(POLITICS, {"any": {"aids": 5.0}})
    matcher = TopicMatcher([health, politics], ["any"])
    assert [tag.code for tag in matcher.tags("it aids", "")] == [POLITICS]
    assert {tag.code for tag in matcher.tags("of AIDS", "")} == {POLITICS, "medtop:07000000"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "El alcalde dijo que un hombre compró un coche y un perro; esa tarde paseó con un amigo."),
        ("fr", "Un homme et un chien ont traversé un pont; un voisin leur a offert un café bien sec."),
        ("it", "Un uomo, nato a Lucca, ha trovato un cane dell'amico e un gatto, in modi diversi."),
        ("pt", "Um homem comprou um carro e foi para casa com o cão dele; ele tem um amigo."),
        ("de", "Ein Mann war mit dem Hund am Fluss; es war kalt, und er hat einen Freund."),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_everyday_sentences_of_a_language_earn_no_topic(language: str, text: str, declared: bool) -> None:
    assert find_topics(text, text, language if declared else "und") == ()


def test_the_united_nations_in_capitals_still_count() -> None:
    tags = find_topics("La ONU y la UE piden una tregua", "La ONU, la OTAN y la UE lo piden.", "es")
    assert "medtop:20000638" in [tag.code for tag in tags]
