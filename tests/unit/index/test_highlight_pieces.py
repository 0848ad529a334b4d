"""A text is looked through piece by piece; what is marked is what the analysis of the whole text finds."""

from __future__ import annotations

import html
import re
import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.index import highlight as module
from shared.index.analysis import locate, terms
from shared.index.highlight import highlight
from shared.index.parser import parse_query

# Pieces of several scripts, with what stands inside words and at their ends, and every kind of space.
_WORDS = st.sampled_from(
    ("oil", "Oil's", "gas,", "U.S.", "u.s", "COVID-19", "l’euro", "soft\u00adhyphen", "Économie", "قطر",
     "19", "東京都知事", "東京", "ไทย", "й", "e\u0301", "(oil)", "oil/gas", "...", "a.b.c.", "’s", "É",
     "ﬁn", "ñandú")
)  # fmt: skip
_SPACES = st.sampled_from((" ", "\n", "  ", "\u00a0", "\t", "\u2003", "\x1f", "\u3000", " \n", "", "\u2028"))
_TEXTS = st.lists(st.tuples(_SPACES, _WORDS)).map(lambda parts: "".join(map("".join, parts)))
_LANGUAGES = st.sampled_from(("en", "fr", "de", "ar", "ja", "und"))


def marked_of_whole(text: str, word: str, language: str) -> list[str]:
    """The terms of a word as they stand in the text, by an analysis of all of it at once."""
    wanted = terms(word, language)
    return [text[start:end] for term, start, end in locate(text, language) if term == wanted]


def marked(text: str, query: str, language: str) -> list[str]:
    fragments = highlight(text, language, parse_query(query), "title", 200)
    return [
        html.unescape(found) for found in re.findall("<mark>(.*?)</mark>", " ".join(fragments), re.DOTALL)
    ]


@given(_TEXTS, _LANGUAGES, st.sampled_from(("oil", "us", "covid", "economie", "19", "gas", "東京", "fin")))
@example("oil\u00a0oil  oil\n oil", "en", "oil")
@example("  oil", "en", "oil")
def test_what_is_marked_is_what_the_analysis_of_the_whole_text_finds(text, language, word):
    assert marked(text, word, language) == marked_of_whole(text, word, language)


@given(_TEXTS, _LANGUAGES)
@example("oil  gas, oil\tgas", "en")
def test_a_phrase_is_marked_where_its_terms_stand_side_by_side(text, language):
    located = locate(text, language)
    wanted = [terms(word, language) for word in ("oil", "gas")]
    found = [pair for pair in pairwise(located) if [pair[0][0], pair[1][0]] == wanted]
    expected = [text[start:end] for pair in found for _, start, end in pair]
    assert marked(text, '"oil gas"', language) == expected


@pytest.mark.parametrize("gap", [" ", "  ", "\n \n", "\u3000"])
def test_a_fragment_shows_the_text_as_it_stands_whatever_divides_its_words(gap):
    text = gap.join(["before", "oil", "after"])
    fragments = highlight(text, "en", parse_query("oil"), "body", 200)
    assert fragments == [f"before{gap}<mark>oil</mark>{gap}after"]


def test_the_kept_pieces_are_bounded_and_long_ones_are_not_kept(monkeypatch):
    monkeypatch.setattr(module, "_MAX_CACHED_PIECES", 50)
    monkeypatch.setattr(module, "_MAX_KEPT_PIECES", 20)
    query = parse_query('"bounded pieces" OR oil')
    text = " ".join([*(f"word{number}" for number in range(500)), "long" * 50, "oil"])
    assert highlight(text, "en", query, "title", 200)
    pieces, (_, promising) = module._PIECES["en"], module._want(query, "en", "title")
    assert 0 < len(pieces) <= 50
    assert 0 < len(promising) <= 20
    assert not any(len(piece) > 40 for piece in (*pieces, *promising))


def test_the_longest_body_is_marked_in_a_fraction_of_the_time_of_its_analysis():
    sentence = (
        "Officials said on Monday that oil prices rose, and that the harbour stays closed until spring. "
    )
    text = sentence * (300_000 // len(sentence))
    query = parse_query("harbour OR oil")
    highlight(text, "en", query, "body", 200)
    # In turn, since a machine's speed moves, and the best pair, since other work slows any of them.
    pairs = [
        (_seconds(lambda: highlight(text, "en", query, "body", 200)), _seconds(lambda: locate(text, "en")))
        for _ in range(12)
    ]
    assert min(marking / analysing for marking, analysing in pairs) < 1 / 1.5


def _seconds(work) -> float:
    """CPU seconds of one run."""
    started = time.thread_time()
    work()
    return time.thread_time() - started
