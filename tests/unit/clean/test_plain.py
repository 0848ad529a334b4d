"""Characters: what is levelled, what survives, and that a repeat changes nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workers.stages.clean.plain import one_line, paragraphs, word_count

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
AWKWARD = st.text(
    alphabet="aé\u0301\u0300\u0302\u0304\u200b\u200c\u200d\u202e\ufeff\x00\ud800 \t\n\r\x85\u2028\u00a0한ᄀ",
    max_size=60,
)


@pytest.mark.parametrize(
    ("given_text", "levelled"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("  many \t spaces\u00a0here  \n\n\n next ", "many spaces here\nnext"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("zero\u200bwidth\ufeff and soft\u00adhyphen", "zerowidth and softhyphen"),
        ("left \u202egnp.exe\u202c right", "left gnp.exe right"),
        ("cafe\u0301", "café"),
        ("z" + "\u0301" * 40 + "algo", "ź" + "\u0301" * 4 + "algo"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("joi\u200dner", "joiner"),
        ("👩\u200d🚀 lands", "👩\u200d🚀 lands"),
        ("", ""),
        (" \n\t\n", ""),
    ],
)
def test_text_is_levelled(given_text, levelled):
    assert paragraphs(given_text) == levelled


@given(ANY_TEXT | AWKWARD)
def test_levelling_again_changes_nothing(text):
    once = paragraphs(text)
    assert paragraphs(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")


@given(ANY_TEXT | AWKWARD)
def test_a_title_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("one two three", 3),
        ("well-known don't — dash", 3),
        ("• a bullet\nand a line", 5),
        ("日本語のニュース", 4),
        ("京都 news", 2),
    ],
)
def test_words_are_counted_in_every_script(text, count):
    assert word_count(text) == count
