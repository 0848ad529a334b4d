"""Text to index terms, once for both engines, so that the same query gives the same set on each.

An engine only splits the terms at spaces. ``terms`` says what a term is, ``forms`` what a query may match.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable

import Stemmer

ANALYSIS_VERSION = 1  # part of an index's name: raise it with any change of the terms below

STEMMED = {
    "en": "english",  # porter2
    "es": "spanish",
    "fr": "french",
    "de": "german",
    "it": "italian",
    "pt": "portuguese",
    "ru": "russian",
    "ar": "arabic",
    "tr": "turkish",
}
UNSTEMMED = ""  # how every other language, and ``und``, is analysed
MAX_TERM = 64  # characters; far below the limits of both engines (255 characters, 65,530 bytes)
_MAX_CACHED_WORD = 40
_MAX_CACHED_WORDS = 40_000  # for each language; all of them full took 63 MB

# Scripts written without spaces, as overlapping pairs: Han, kana, Hangul; Thai, Lao, Burmese, Khmer.
_PAIRED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u1000-\u103f\u1100-\u11ff\u1780-\u17d3\u2e80-\u2fdf\u3005-\u3007"
    "\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u318e"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c\uac00-\ud7fb\uf900-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003ffff"
)
_INVISIBLE = "\u00ad\u200d\u2060\ufeff"  # soft hyphen and joiners stand inside words


def _mark_class() -> str:
    """Every combining mark of the BMP as ranges of a regular expression's class; ``re`` has no such class."""
    marks = [code for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M"]
    ranges: list[list[int]] = []
    for code in marks:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


_ALNUM = r"[^\W_]"
_LETTER = "[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff]"
_PLAIN = rf"[^\W_{_PAIRED}]"
_MARKED = rf"{_PLAIN}++(?:[{_mark_class()}{_INVISIBLE}]++{_PLAIN}*+)*+"
_OWNED = rf"(?:['’ʼ＇][sS](?!{_ALNUM}))?"  # an English possessive is no word of its own
_WORD = re.compile(
    # By far the most words are plain ASCII: tried first, they cost a third less.
    rf"[A-Za-z0-9]{{2,}}+(?=[\x00-\x7f\u2010-\u2027]|\Z){_OWNED}"
    # Initials: "U.S." is one word, "us".
    rf"|(?<!{_ALNUM}){_LETTER}(?:\.{_LETTER})+(?!{_ALNUM})\.?{_OWNED}"
    rf"|{_MARKED}{_OWNED}"
    rf"|[{_PAIRED}]+"
)
_POSSESSIVE = re.compile(r"(?<=.)['’ʼ＇][sS]$")
_IS_PAIRED = re.compile(f"[{_PAIRED}]")

# Marks that are accents, to be folded; the marks of other scripts are letters of theirs (vowel signs).
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]"
)
_FOLDED = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h", "ŋ": "n",
     "ς": "σ", "ى": "ي", "ة": "ه", "ـ": None}
)  # fmt: skip
# Folding comes before stemming, so that a word typed without accents has the stem of the word with them;
# these endings are put back, since the stemmer knows them by their accent.
_RESTORED = {"fr": (("ee", "ée"), ("ees", "ées"))}


def analysis_language(language: str) -> str:
    """The stemmed language that text of a BCP 47 tag is analysed as, or ``UNSTEMMED``."""
    primary = language.split("-", 1)[0].lower()
    return primary if primary in STEMMED else UNSTEMMED


def terms(text: str, language: str) -> str:
    """The terms of a text, joined by spaces, in order: what both engines index.

    Words are runs of letters, marks and digits in NFKC, lower case, without accents, stemmed by the article's
    ``language``: ``en/run``. Where nothing was stemmed (another language, digits only) the term is bare:
    ``run``, ``2026``. Scripts without spaces give overlapping pairs, a lone character itself. Apostrophes
    divide words (``l'euro``), but a possessive ``'s`` is dropped (``Pakistan's``); ``U.S.`` is ``us``.
    """
    return " ".join(map(_CACHES[analysis_language(language)].__getitem__, _WORD.findall(text)))


def terms_of(words: Iterable[str], language: str) -> dict[str, list[str]]:
    """The terms of each word in a text of the language; a word that has none is left out."""
    found = {word: terms(word, language).split() for word in words}
    return {word: made for word, made in found.items() if made}


def locate(text: str, language: str) -> list[tuple[str, int, int]]:
    """The terms of ``terms``, each with where it begins and ends in the text."""
    cache = _CACHES[analysis_language(language)]
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        term = cache[match[0]]
        if " " in term:
            found += _locate_pairs(term.split(), *match.span())
        elif term:
            found.append((term, *match.span()))
    return found


def _locate_pairs(pairs: list[str], start: int, end: int) -> list[tuple[str, int, int]]:
    if len(pairs) != end - start - 1:  # normalising has changed the length: each stands for the whole run
        return [(pair, start, end) for pair in pairs]
    return [(pair, at, at + 2) for at, pair in enumerate(pairs, start)]


def forms(text: str) -> tuple[tuple[str, ...], ...]:
    """The distinct term sequences a query's text has over all analysis languages; empty without a word.

    An article matches a word or phrase when the sequence of the article's own language stands in it. Terms
    carry their language, so any one of these sequences may be looked for: no other article can have it.
    """
    words = _WORD.findall(text)
    found = (" ".join(map(cache.__getitem__, words)).split() for cache in _CACHES.values())
    return tuple(dict.fromkeys(tuple(sequence) for sequence in found if sequence))


def fold(word: str) -> str:
    """A word in NFKC and lower case, without accents and whatever is no letter, mark or digit."""
    if word.isascii():
        return word.lower() if word.isalnum() else "".join(filter(str.isalnum, word.lower()))
    lowered = unicodedata.normalize("NFKC", word).casefold().translate(_FOLDED)
    return "".join(filter(_is_kept, "".join(map(_fold_character, lowered))))


def _fold_character(character: str) -> str:
    # й is a letter of its own, which the Russian stemmer needs; NFKD would make it и with an accent.
    if character == "й":
        return character
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", character)).translate(_FOLDED)


def _is_kept(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _pairs(run: str) -> str:
    kept = "".join(filter(_is_kept, unicodedata.normalize("NFKC", run).casefold()))
    return kept if len(kept) < 2 else " ".join(kept[at : at + 2] for at in range(len(kept) - 1))


class _Cache(dict[str, str]):
    """Words as they stand in text to their terms in one language; bounded, and safe between threads."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        self._lock = threading.Lock()  # a stemmer must not be entered twice
        self._stemmer = Stemmer.Stemmer(STEMMED[language], 0) if language else None

    def __missing__(self, word: str) -> str:
        term = _pairs(word) if _IS_PAIRED.match(word) else self._term(fold(_POSSESSIVE.sub("", word)))
        if len(word) <= _MAX_CACHED_WORD:
            if len(self) >= _MAX_CACHED_WORDS:
                self.clear()
            self[word] = term
        return term

    def _term(self, folded: str) -> str:
        if self._stemmer is None or not any(map(str.isalpha, folded)):
            return folded[:MAX_TERM]
        for ending, restored in _RESTORED.get(self._language, ()):
            if folded.endswith(ending):
                folded = folded[: -len(ending)] + restored
        with self._lock:
            stem = self._stemmer.stemWord(folded)
        return f"{self._language}/{fold(stem)[:MAX_TERM] or folded[:MAX_TERM]}"


_CACHES = {language: _Cache(language) for language in (UNSTEMMED, *STEMMED)}
