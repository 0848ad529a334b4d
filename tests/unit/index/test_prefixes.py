"""Words cut short with a star: which terms of the index they reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.index.analysis import STEMMED, terms
from shared.index.prefixes import beginning, is_one_word, is_paired

# A language, and words that each of their beginnings of three letters or more must find.
WORDS = [
    ("en", "economies economy economic running runner governmental studies happily nations organisation"),
    ("es", "economías naciones corriendo rápidamente ciudades políticos nación"),
    ("fr", "économies nationales gouvernements heureusement députées travaillait journaux"),
    ("de", "Häuser Regierungen Freiheiten schönsten Zeitung Möglichkeiten"),
    ("it", "economie nazioni correndo velocemente città lavoratori"),
    ("pt", "economias nações correndo rapidamente cidades eleições"),
    ("ru", "экономика президента российский выступивший министерствами"),
    ("tr", "evlerinde kitapları seçimlerinin ülkelerden"),
    ("nl", "regeringen economische"),
    ("und", "whatever2 covid"),
]


@pytest.mark.parametrize(("language", "words"), WORDS)
def test_a_word_is_found_by_each_of_its_beginnings(language, words):
    missed = [
        (word, word[:length])
        for word in words.split()
        for length in range(3, len(word) + 1)
        if not beginning(word[:length], language).has(terms(word, language))
    ]
    assert missed == []


@pytest.mark.parametrize(
    ("language", "prefix", "word"),
    [
        ("en", "econom", "ecology"),
        ("en", "runn", "ruin"),
        ("en", "govern", "golf"),
        ("de", "häuser", "Hausse"),
        ("fr", "nation", "natif"),
        ("und", "runni", "run"),
        ("nl", "regeringen", "regering"),
        ("en", "économ", "econ"),
    ],
)
def test_other_words_are_not_found(language, prefix, word):
    assert not beginning(prefix, language).has(terms(word, language))


def test_an_inflected_form_is_found_by_the_beginning_of_another():
    assert beginning("runni", "en").has(terms("run", "en"))
    assert beginning("ran", "en").has(terms("ran", "en"))


def test_the_article_of_arabic_is_passed_over_where_enough_is_left():
    assert beginning("الرئيس", "ar").has(terms("رئيس", "ar"))
    assert beginning("الرئ", "ar").has(terms("الرئيس", "ar"))
    assert not beginning("الر", "ar").has(terms("رئيس", "ar"))


def test_digits_begin_words_of_every_language_as_they_stand():
    assert all(beginning("202", language).has("2026") for language in ("en", "und", "ja"))
    assert beginning("202", "en").has("en/2026er")


def test_case_and_accents_make_no_difference():
    assert beginning("ÉCONOM", "fr") == beginning("econom", "fr")


@given(st.text("abcéduiß", min_size=3, max_size=8), st.sampled_from([*STEMMED, "nl", "und"]))
def test_all_languages_together_reach_what_each_one_does(text, language):
    one, every = beginning(text, language), beginning(text)
    assert set(one.starts) <= set(every.starts)
    assert set(one.whole) <= set(every.whole)


@given(st.text("abcdeginorsty", min_size=3, max_size=8), st.sampled_from([*STEMMED]))
def test_a_prefix_reaches_the_word_that_it_is(text, language):
    assert beginning(text, language).has(terms(text, language))
    assert not any(
        term.startswith(beginning(text, language).starts) for term in beginning(text, language).whole
    )


@pytest.mark.parametrize(
    ("text", "single", "paired"),
    [
        ("econom", True, False),
        ("e\u0301conom", True, False),
        ("東京", True, True),
        ("東京都", True, True),
        ("데이터", True, True),
        ("दिल्ली", True, False),
        ("covid19", True, False),
        ("covid-19", False, False),
        ("bank's", False, False),
        ("l’econ", False, False),
        ("U.S", False, None),
        ("a東京", False, None),
        ("&", False, False),
    ],
)
def test_a_star_ends_a_single_word(text, single, paired):
    assert is_one_word(text) == single
    assert paired is None or not single or is_paired(text) == paired
