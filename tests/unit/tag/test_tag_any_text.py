"""Any text at all is tagged without complaint, in time, and with counts that add up."""

from __future__ import annotations

import math
import time
import tracemalloc

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
d'euros Mio. 5.000 1,5 a several few percent Sen. Corp. ÉCOLE six milyon dirham SEK kuna bank risk"""
# Patterns that ignore case take these for i, s, k ... though none of them is one in lower case; and others
# that change their length or their letter with their case.
_ODD = {
    "i": "ıİ",
    "s": "ſ",
    "S": "ſ",
    "I": "ıİ",
    "k": "\u212a",
    "K": "\u212a",
    "a": "\u212b",
    "n": "ŉ",
    "j": "ǰ",
}
_ODD_LETTERS = "ıİſßŉǰ\u212a\u212bϐςᲀ"
_words = st.sampled_from([*_WORDS.split(), "\n"])
_prose = st.lists(_words, max_size=60).map(" ".join)
_odd = st.builds(
    str.translate,
    _prose,
    st.fixed_dictionaries({ord(plain): st.sampled_from(plain + odd) for plain, odd in _ODD.items()}),
)
_texts = _prose | _odd | st.text(max_size=300) | st.text(_ODD_LETTERS + "aiksKS5$% .,-\n", max_size=300)
_languages = st.sampled_from(("en", "es", "fr", "de", "ar", "tr", "ru", "und", "pt-BR", "zz", ""))


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


def test_words_without_an_end_are_no_keywords() -> None:
    run = "a" * LETTERS
    found = find_keywords(run, f"copper {run} prices {run}\ncopper prices", "en")
    assert found
    assert max(map(len, found)) < 100


def test_words_without_an_end_are_no_names() -> None:
    run = "a" * LETTERS
    names = find_entities("", f"John A{run}\nJohn Smith\nWe met Mary B{run} and C{run} in Oslo.")
    assert {each.name for each in names} == {"John Smith", "Oslo"}


def test_what_is_remembered_of_words_is_bounded_in_letters() -> None:
    """Distinct words of 60 letters: 7 million letters in all, of which some 2 million may stay."""
    find_keywords("", "copper")
    tracemalloc.start()
    for part in range(12):
        find_keywords(
            "", " ".join(f"w{word:08}{'Ж' * 51}" for word in range(part * 10_000, (part + 1) * 10_000))
        )
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 20_000_000


def test_made_up_languages_leave_nothing_behind() -> None:
    """Anyone may push any code; a table or a pattern for each would stay for as long as the worker runs."""
    text = "It lost $5 million, six percent, hundreds of millions of dollars. The Bank paid John Smith."
    for language in ("en", "xx"):
        find_amounts(text, language), find_entities("", text, language), find_keywords("", text, language)
    tracemalloc.start()
    for number in range(50):
        language = f"q{number}"
        assert find_amounts(text, language) == find_amounts(text, "en")
        find_entities("", text, language)
        find_keywords("", text, language)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
