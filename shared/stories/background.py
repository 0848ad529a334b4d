"""How rare words are in general: what tells a story from any other.

English has a table of its own (``common.txt``); of other languages only the words that say nothing are known,
from the lists that come with justext.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import justext

from shared.index.analysis import terms

TABLED = "en"
RARE = -math.log(0.003)  # of a word that no table has
SAYS_NOTHING = -math.log(0.34)  # less rare than that, a word stands in every third article
UNKNOWN = "und"
_SHARE = re.compile(r"0\.\d+")
_LISTS = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "lt": "Lithuanian", "lv": "Latvian",
    "ms": "Malay", "nb": "Norwegian_Bokmal", "nl": "Dutch", "nn": "Norwegian_Nynorsk",
    "no": "Norwegian_Bokmal", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip
# Those that a text of unknown language is tried for; the first of equals.
_TRIED = (TABLED, "es", "fr", "de", "pt", "it", "nl", "sv", "pl", "tr", "ru", "ar")
_LEAST_COMMON = 0.2  # of its words, for a text to be in a language


@cache
def rarities() -> Mapping[str, float]:
    """English term, as ``shared.index.analysis`` makes it -> inverse document frequency."""
    found: dict[str, float] = {}
    for rarity, line in _lines():
        for term in terms(line, TABLED).split():
            found.setdefault(term, rarity)
    return found


def _lines() -> Iterator[tuple[float, str]]:
    rarity = RARE
    text = files("shared.stories").joinpath("common.txt").read_text("utf-8")
    for line in text.splitlines():
        if _SHARE.fullmatch(line):
            rarity = -math.log(float(line))
        elif not line.startswith("#"):
            yield rarity, line


def rarity_of(term: str, language: str) -> float:
    """How rare a term is in a language; 0 when it says nothing."""
    if language == TABLED:
        found = rarities().get(term, RARE)
        return found if found > SAYS_NOTHING else 0.0
    return 0.0 if term in _empty_terms(language) else RARE


@cache
def _empty_terms(language: str) -> frozenset[str]:
    return frozenset(term for word in _empty_words(language) for term in terms(word, language).split())


@cache
def _empty_words(language: str) -> frozenset[str]:
    """The words of a language that say nothing about any text, in lower case; none where there is no list."""
    if language == TABLED:
        return frozenset(word for rarity, line in _lines() if rarity <= SAYS_NOTHING for word in line.split())
    name = _LISTS.get(language)
    return frozenset(map(str.lower, justext.get_stoplist(name))) if name is not None else frozenset()


def guess_language(words: Sequence[str]) -> str:
    """The language whose empty words are the most in a text, or ``UNKNOWN``."""
    lowered = [word.lower() for word in words]
    most = _LEAST_COMMON * len(lowered)
    found = UNKNOWN
    for language in _TRIED:
        empty = _empty_words(language)
        count = sum(word in empty for word in lowered)
        if count > most:
            most, found = count, language
    return found
