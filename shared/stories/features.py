"""What an article is about, in a few hundred bytes: its rarest names and words, with their weights.

The same event is told in other words by each newsroom; what stays is who and where, and a few words that are
rare elsewhere. Names are words with a capital inside a sentence; headlines that capitalise every word are
read by the text below them. Words are weighed by how rare they are in general (``background``), how often
they stand in the article, and where: title and lead say what it is about.
"""

from __future__ import annotations

import heapq
import math
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from shared.index.analysis import fold, terms
from shared.stories.background import RARE, UNKNOWN, guess_language, rarity_of

FORMAT = 1  # the first byte of a packed sketch
MOST_FEATURES = 64  # 258 bytes packed
LONGEST = 2_000  # characters of a body that are read: the event is told at the top
LEAD = 500  # characters that count as the lead
IN_TITLE, IN_LEAD = 2.5, 1.5  # how many mentions a word is worth there
OF_NAMES = 1.5  # a name weighs more than another word that is as rare
OF_PAIRS = 0.5  # of two words of a name together: each counts by itself already
OF_NUMBERS = 0.6
MOST_REMEMBERED = 50_000  # words of news, which come again; 10 MB at most
_SHORTEST_TITLE = 4  # words; a shorter one may be nothing but a name

_TOKEN = re.compile(r"[^\W_]+(?:['’.\-&][^\W_]+)*")
_ENDS_SENTENCE = frozenset(".!?:;•…\"“”«»„‘'’([*–—-\n")
_POSSESSIVE = re.compile(r"['’]s$|['’]$")
# Scripts in which a capital says nothing about a word.
_CAPITALISES_NOUNS = frozenset(("de", "lb"))
# Japanese endings and Chinese particles: pairs with one of these are grammar.
_GRAMMAR = re.compile("[\u3040-\u309f的了是在和与為为有这那這个個们們就也都而及之其於于被把将將对對从從]")
_HEAD = struct.Struct("<BB")  # format, names


@dataclass(frozen=True, slots=True)
class StorySketch:
    """The features of one article: 24-bit hash -> weight of 1..255; names and other words apart."""

    names: dict[int, int]
    words: dict[int, int]


@dataclass(slots=True)
class _Reading:
    """What was met of an article: words as written, with how many mentions they are worth."""

    worth: dict[str, float]
    pairs: dict[tuple[str, str], float]  # capitalised words, one right after the other
    capital: set[str]  # met with a capital inside a sentence
    plain: set[str]  # met without


def make_story_sketch(title: str, body: str, language: str = "und") -> StorySketch:
    """The sketch of an article; empty for one that says nothing that can be told from another."""
    read = body[:LONGEST]
    base = language.split("-")[0].lower()
    if base == UNKNOWN:
        base = guess_language(_TOKEN.findall(f"{title}\n{read[:LEAD]}"))
    reading = _Reading({}, {}, set(), set())
    if not _is_shouted(title):
        _read(title, IN_TITLE, reading)
    else:  # its capitals say nothing, and pair nothing
        for word in map(_word, _TOKEN.finditer(title)):
            reading.worth[word] = reading.worth.get(word, 0.0) + IN_TITLE
    _read(read[:LEAD], IN_LEAD, reading)
    _read(read[LEAD:], 1.0, reading)
    names, words = _weigh(reading, base)
    heaviest = heapq.nlargest(
        MOST_FEATURES,
        [(weight, True, name) for name, weight in names.items()]
        + [(weight, False, word) for word, weight in words.items()],
    )
    norm = math.sqrt(sum(weight * weight for weight, _, _ in heaviest)) or 1.0
    found: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for weight, is_name, feature in heaviest:
        # The last bit tells pairs of names from single ones: two words of one name are one piece of evidence.
        hashed = (crc32(feature.encode("utf-8", "surrogatepass")) & 0xFFFFFE) | (" " in feature)
        found[not is_name].setdefault(hashed, max(1, min(255, round(255 * weight / norm))))
    return StorySketch(*found)


def _is_shouted(title: str) -> bool:
    """Whether a headline capitalises more words than names."""
    words = _TOKEN.findall(title)
    return len(words) >= _SHORTEST_TITLE and sum(word[0].isupper() for word in words) > 0.6 * len(words)


def _word(match: re.Match[str]) -> str:
    word = match[0]
    return word if word.isalnum() else _POSSESSIVE.sub("", word)


def _read(text: str, worth: float, reading: _Reading) -> None:
    last, ended = "", -9
    for match in _TOKEN.finditer(text):
        word = _word(match)
        reading.worth[word] = reading.worth.get(word, 0.0) + worth
        if not word[0].isupper():
            reading.plain.add(word)
            last = ""
            continue
        start = match.start()
        if not _opens(text, start):
            reading.capital.add(word)
            if last and start == ended + 1:
                reading.pairs[last, word] = reading.pairs.get((last, word), 0.0) + worth
        last, ended = word, match.end()


def _opens(text: str, start: int) -> bool:
    """Whether a sentence may begin there: then a capital says nothing."""
    at = start - 1
    if at > 0 and text[at] == " ":
        at -= 1
    return at < 0 or text[at] in _ENDS_SENTENCE


def _weigh(reading: _Reading, base: str) -> tuple[dict[str, float], dict[str, float]]:
    capital = reading.capital if base not in _CAPITALISES_NOUNS else ()
    # A name has a capital wherever it stands.
    known = {fold(word) for word in capital if word.lower() not in reading.plain and len(word) > 1}
    names: dict[str, float] = {}
    words: dict[str, float] = {}
    for word, worth in reading.worth.items():
        if word[0].isupper() and (name := fold(word)) in known:
            names[name] = names.get(name, 0.0) + worth
        else:
            for term in _terms(word, base):
                words[term] = words.get(term, 0.0) + worth
    weighed = {
        name: weight
        for name, worth in names.items()
        if (weight := _weight(worth, _rarity_of_name(name, base))) > 0
    }
    for (one, other), worth in reading.pairs.items():
        if (pair := (fold(one), fold(other)))[0] in weighed and pair[1] in weighed:
            weighed[" ".join(pair)] = _weight(worth, OF_PAIRS * RARE)
    return weighed, {
        term: weight
        for term, worth in words.items()
        if (weight := _weight(worth, _rarity_of_word(term, base))) > 0
    }


@lru_cache(maxsize=MOST_REMEMBERED)
def _terms(word: str, language: str) -> tuple[str, ...]:
    return tuple(terms(word, language).split())


def _weight(worth: float, rarity: float) -> float:
    return (1 + math.log(max(1.0, worth))) * rarity


@lru_cache(maxsize=MOST_REMEMBERED)
def _rarity_of_name(name: str, language: str) -> float:
    return OF_NAMES * rarity_of(terms(name, language), language)


@lru_cache(maxsize=MOST_REMEMBERED)
def _rarity_of_word(term: str, language: str) -> float:
    if term[0].isdigit() and term[-1].isdigit():
        return OF_NUMBERS * RARE if len(term) > 1 else 0.0
    if _GRAMMAR.search(term):
        return 0.0
    return rarity_of(term, language)


def pack_story(sketch: StorySketch) -> bytes:
    """The bytes that a ledger keeps of a sketch, 258 at most."""
    pairs = [*sketch.names.items(), *sketch.words.items()]
    return _HEAD.pack(FORMAT, len(sketch.names)) + b"".join(
        (hashed << 8 | weight).to_bytes(4, "little") for hashed, weight in pairs
    )


def unpack_story(data: bytes) -> StorySketch:
    """Undo ``pack_story``; raises ``ValueError`` for another format."""
    if len(data) < _HEAD.size or data[0] != FORMAT:
        raise ValueError(f"a story sketch of format {data[:1].hex() or 'nothing'}")
    values = struct.unpack_from(f"<{(len(data) - _HEAD.size) // 4}I", data, _HEAD.size)
    pairs = [(value >> 8, value & 0xFF) for value in values]
    return StorySketch(dict(pairs[: data[1]]), dict(pairs[data[1] :]))
