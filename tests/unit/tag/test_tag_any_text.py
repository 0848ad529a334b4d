"""Any text at all is tagged without complaint, in time, and with counts that add up."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.tag.amounts import find_amounts
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.keywords import SHOWN, find_keywords, words_of
from shared.frequencies import Frequencies

LETTERS = 60_000
SECONDS = 5.0  # of CPU; each takes less than one where nothing else runs, and minutes where it is squared

_WORDS = """The the of and in Bank bank John Mary Smith van de la President U.S. IMF (IMF) Paris Paris-based
$5 5% 1/2 million dollars “Works” 's People's & - , . NATO Reading Übung 中文 ١٢ ½ £3m hundreds of billions
d'euros Mio. 5.000 1,5 a several few percent Sen. Corp. ÉCOLE"""
_words = st.sampled_from([*_WORDS.split(), "\n"])
_prose = st.lists(_words, max_size=60).map(" ".join)
_texts = _prose | st.text(max_size=300)
_languages = st.sampled_from(("en", "es", "fr", "de", "ar", "und", "pt-BR", "zz", ""))


@settings(max_examples=150, deadline=None)
@given(title=_texts, body=_texts, language=_languages)
def test_names_of_any_text_are_whole_and_counted(title: str, body: str, language: str) -> None:
    found = find_entities(title, body, language)
    assert len({each.name for each in found}) == len(found)
    assert all(each.count >= 1 and each.name.strip() == each.name != "" for each in found)
    assert [each.count for each in found] == sorted((each.count for each in found), reverse=True)
    letters = len(title) + len(body)
    assert sum(each.count for each in found) <= letters  # no mention is counted without a place of its own


@settings(max_examples=150, deadline=None)
@given(title=_texts, body=_texts, language=_languages, documents=st.integers(0, 10**9))
def test_keywords_of_any_text_stay_within_bounds(
    title: str, body: str, language: str, documents: int
) -> None:
    wanted = words_of(title, body, language)
    assert len(wanted) <= 300
    counts = {word: (position * 7919) % (documents + 1) for position, word in enumerate(sorted(wanted))}
    for frequencies in (None, Frequencies(documents, counts)):
        found = find_keywords(title, body, language, frequencies)
        assert len(found) == len(set(found)) <= SHOWN


@settings(max_examples=150, deadline=None)
@given(text=_texts, language=_languages)
def test_amounts_of_any_text_are_numbers_that_stand_in_it(text: str, language: str) -> None:
    found = find_amounts(text, language)
    assert all(math.isfinite(each.value) and each.unit and each.text in text for each in found)
    assert len({(each.value, each.unit) for each in found}) == len(found)


@pytest.mark.parametrize(
    "part",
    [
        "Aa ", "Bank and ", "Bank of ", "9", "1 111 ", "A.", '"A" ',
        "People's Union ", "Aa, & ", "Aa Bb (AB) ",
        "$1 ", "1-2-", "hundreds of ", "a million ", "1 million million ", "A-", "A'", "London England ",
        "x. Y ",
        "Aa\n", "President ", "中", "“", "1/2 ",
    ],
)  # fmt: skip
def test_long_runs_take_no_more_time_than_their_length_does(part: str) -> None:
    text = part * (LETTERS // len(part))
    start = time.process_time()
    find_entities(text[:200], text)
    find_keywords("", text)
    find_amounts(text)
    assert time.process_time() - start < SECONDS
