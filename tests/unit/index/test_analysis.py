"""The terms of a text: what both engines index, and what a query may look for."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.index.analysis import MAX_TERM, STEMMED, analysis_language, forms, locate, terms

ROWS = [
    # text, language, terms
    ("The runners were running", "en", "en/the en/runner en/were en/run"),
    ("Pakistan's army, PAKISTAN’S army", "en", "en/pakistan en/armi en/pakistan en/armi"),
    ("the workers' rights", "en", "en/the en/worker en/right"),
    ("won't", "en", "en/won en/t"),
    ("U.S.-led talks in the U.S. and U.N.", "en", "en/us en/led en/talk en/in en/the en/us en/and en/un"),
    ("the U.S.'s plan", "en", "en/the en/us en/plan"),
    ("J.K. Rowling", "en", "en/jk en/rowl"),
    ("COVID-19 in 2026, $1,000.5", "en", "en/covid 19 en/in 2026 1 000 5"),
    ("snake_case _x_", "en", "en/snake en/case en/x"),
    ("L’économie des députées", "fr", "fr/l fr/econom fr/de fr/deput"),
    ("Straße München Häuser", "de", "de/strass de/munch de/haus"),
    ("Regie\u00adrung", "de", "de/regier"),
    ("canción canciones", "es", "es/cancion es/cancion"),
    ("ещё российский", "ru", "ru/ещ ru/российск"),
    ("İstanbul'da ışık", "tr", "tr/istanbul tr/da tr/isik"),
    ("De regering", "nl", "de regering"),
    ("running", "und", "running"),
    ("東京都知事", "ja", "東京 京都 都知 知事"),
    ("東京都知事", "en", "東京 京都 都知 知事"),
    ("京", "ja", "京"),
    ("iPhone15を2026年", "ja", "iphone15 を 2026 年"),
    ("ﾄｳｷｮｳ", "ja", "トウ ウキ キョ ョウ"),
    ("서울 시장은", "ko", "서울 시장 장은"),
    ("การเมือง", "th", "กา าร รเ เม มื ือ อง"),
    ("दिल्ली में", "hi", "दिल्ली में"),
    ("cafe\u0301 ﬁnance Ａｐｐｌｅ", "und", "cafe finance apple"),
    ("Ærø Łódź ŒUVRE", "und", "aero lodz oeuvre"),
    ("ΟΔΟΣ οδος", "el", "οδοσ οδοσ"),
    ("... — & *", "en", ""),
    ("", "en", ""),
    ("a\ud800b", "und", "a b"),
    ("\x00a\x00", "und", "a"),
]


@pytest.mark.parametrize(("text", "language", "expected"), ROWS)
def test_a_text_gives_these_terms(text, language, expected):
    assert terms(text, language) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("EN-us", "en"),
        ("pt-BR", "pt"),
        ("nl", ""),
        ("und", ""),
        ("", ""),
        ("english", ""),
    ],
)
def test_a_language_tag_is_analysed_by_its_primary_language(tag, expected):
    assert analysis_language(tag) == expected


def test_a_query_word_has_one_form_for_each_language_it_differs_in():
    assert dict.fromkeys(form[0].partition("/")[0] for form in forms("running")).keys() == {
        "running",
        *STEMMED,
    }
    assert ("en/run",) in forms("running")
    assert ("running",) in forms("running")


def test_what_no_language_stems_has_a_single_form():
    assert forms("2026") == (("2026",),)
    assert forms("東京都") == (("東京", "京都"),)
    assert forms("?!") == ()


def test_words_are_cut_at_the_same_length_everywhere():
    assert terms("x" * 10_000, "und") == "x" * MAX_TERM
    assert terms("x" * 10_000, "en") == "en/" + "x" * MAX_TERM


def test_terms_are_located_in_the_text():
    text = "Pakistan's U.S. 東京都 Regie\u00adrung"
    found = [(term, text[start:end]) for term, start, end in locate(text, "de")]
    assert found == [
        ("de/pakistan", "Pakistan's"),
        ("de/us", "U.S."),
        ("東京", "東京"),
        ("京都", "京都"),
        ("de/regier", "Regie\u00adrung"),
    ]


def test_pairs_that_normalising_made_longer_or_shorter_stand_for_the_whole_run():
    assert {(start, end) for _, start, end in locate("ｶﾞｶﾞ", "ja")} == {(0, 4)}


ANY_TEXT = st.text(st.characters(), max_size=80) | st.text("aé'’.Ss東京 カﾞ１½-_\u0301\u00ad", max_size=30)
ANY_LANGUAGE = st.sampled_from(["", "und", "ja", *STEMMED])


@given(ANY_TEXT, ANY_LANGUAGE)
def test_every_text_gives_clean_terms_each_with_its_place(text, language):
    found = terms(text, language).split()
    assert [term for term, _, _ in locate(text, language)] == found
    for term in found:
        bare = term.partition("/")[2] or term
        assert all(character.isalnum() or unicodedata.category(character)[0] == "M" for character in bare)
        assert len(bare) <= MAX_TERM


@given(ANY_TEXT)
def test_all_forms_of_a_text_have_one_length_and_hold_every_languages_own(text):
    found = forms(text)
    assert len({len(form) for form in found}) <= 1
    for language in ("und", *STEMMED):
        own = tuple(terms(text, language).split())
        assert own in found or not own


@given(st.text("abcdeéèêñçüöäßaeiou", min_size=1, max_size=12), st.sampled_from([*STEMMED]))
def test_a_word_without_its_accents_is_the_same_term(word, language):
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)).replace(
        "ß", "ss"
    )
    assert terms(plain, language) == terms(word, language)


@given(st.text("abcdeéǆŉ東", min_size=1, max_size=12), ANY_LANGUAGE)
def test_capitals_make_no_difference(word, language):
    if word.upper().lower() == word:  # not every letter has a way back from its capital
        assert terms(word.upper(), language) == terms(word, language)
